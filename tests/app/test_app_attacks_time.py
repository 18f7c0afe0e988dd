"""Attacks in time: one sandbox costs a place until a deadline, and many no more than their lane."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.collectors.link import MAX_BACKOFF_SECONDS
from kata_exporter.simulator import SimulatedSandbox
from page import Page, growth
from promises import INTERVAL_SECONDS, ROUND_SECONDS, Stand, healthy_stand
from rig import samples
from siege import siege

MINUTES = 4
DURATION = "kata_exporter_collection_duration_seconds"
RESULTS = ("kata_exporter_collections_total", "result")


def assert_no_round_outlasts_its_deadline(page: Page) -> None:
    """All rounds, whoever's, are in the buckets up to the deadline."""
    within = page.series[f'{DURATION}_bucket{{le="{ROUND_SECONDS}"}}']
    assert within == page.series[f"{DURATION}_count"]


@pytest.mark.parametrize(
    "name",
    ["connect-hang", "frozen", "write-hang", "no-answer", "header-only", "body-hang", "slow-drip"],
)
async def test_g2_who_is_slow_in_any_phase_costs_a_place_until_the_deadline_and_then_a_pause(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock, rounds=MINUTES * 4) as held:
        assert_no_round_outlasts_its_deadline(held.after)
        attempts = held.counted(*RESULTS)["timeout"]
        # Each pause is twice the one before it, until a minute.
        assert MINUTES <= attempts <= MINUTES + 3
        assert MAX_BACKOFF_SECONDS == 60.0
        assert len(held.wires) <= attempts + 1  # one may be under way
        assert sum(wire.open for wire in held.wires) <= 1


@pytest.mark.parametrize("name", ["just-in-time", "late-metrics"])
async def test_g21_those_who_answer_just_before_each_deadline_delay_none_but_themselves(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    """Two at a time, of whom one is slow: a dozen late answers fill more than both places."""
    async with healthy_stand(tmp_path, clock, sandboxes=24, concurrency=2) as stand:
        struck, healthy = stand.sandboxes[::2], stand.sandboxes[1::2]
        for sandbox in struck:
            await sandbox.suffer(name)
        # Until each of them was found to be late.
        await stand.run_for(len(struck) * ROUND_SECONDS)

        for _ in range(8):
            await stand.run_for(INTERVAL_SECONDS)
            assert oldest_seconds(stand, healthy) <= INTERVAL_SECONDS + 1.0


@pytest.mark.parametrize(
    "name", ["no-answer", "slow-drip", "late-metrics", "flood", "many-samples"]
)
async def test_g22_half_of_the_node_together_leaves_the_other_half_fresh(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=20) as stand:
        struck, healthy = stand.sandboxes[::2], stand.sandboxes[1::2]
        for sandbox in struck:
            await sandbox.suffer(name)
        for _ in range(6):
            await stand.run_for(INTERVAL_SECONDS)
            assert oldest_seconds(stand, healthy) <= 2 * INTERVAL_SECONDS


async def test_g22_so_does_half_of_the_node_when_each_attacks_in_its_own_way(
    tmp_path: Path, clock: FakeClock
) -> None:
    names = "no-answer slow-drip late-metrics flood legal-max many-labels oversize-sent".split()
    async with healthy_stand(tmp_path, clock, sandboxes=20, concurrency=4) as stand:
        struck, healthy = stand.sandboxes[::2], stand.sandboxes[1::2]
        for number, sandbox in enumerate(struck):
            await sandbox.suffer(names[number % len(names)])
        for _ in range(6):
            await stand.run_for(INTERVAL_SECONDS)
            assert oldest_seconds(stand, healthy) <= 2 * INTERVAL_SECONDS


async def test_g22_all_that_hang_together_cost_the_places_of_their_lane_and_no_more(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Of four places one is for the slow: it is taken at most the whole time, deadline by deadline."""
    slow_places = 1
    async with healthy_stand(tmp_path, clock, sandboxes=20, concurrency=4) as stand:
        struck = stand.sandboxes[::2]
        for sandbox in struck:
            await sandbox.suffer("no-answer")
        # Until each of them was found to hang.
        await stand.run_for(2 * INTERVAL_SECONDS)
        before = Page(stand.rig.page())

        await stand.run_for(MINUTES * 60.0)

        after = Page(stand.rig.page())
        rounds = growth(before.counts(*RESULTS), after.counts(*RESULTS))["timeout"]
        assert rounds <= slow_places * MINUTES * 60.0 / ROUND_SECONDS + slow_places
        assert_no_round_outlasts_its_deadline(after)


def oldest_seconds(stand: Stand, sandboxes: Sequence[SimulatedSandbox]) -> float:
    """The age of the oldest measurement of these sandboxes, all of which have some."""
    lines = samples(stand.rig.page(), "kata_sandbox_last_collection_timestamp_seconds")
    ids = {sandbox.id for sandbox in sandboxes}
    own = [line for line in lines if any(f'"{id_}"' in line for id_ in ids)]
    assert len(own) >= len(ids)
    return max(stand.clock.time() - float(line.rpartition(" ")[2]) for line in own)
