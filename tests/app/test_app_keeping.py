"""Which metrics are kept, and how many series, whatever guests send."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.snapshot import WATCHED
from reload_rig import ReloadRig, reloading
from rig import samples, up
from waiting import soon

DROPPED = "kata_exporter_series_dropped_total"
INTERVAL_SECONDS = 15.0

ALWAYS_ON_THE_PAGE = WATCHED | {
    "kata_container_oom_events_total",
    "kata_container_oom_kills_inferred_total",
    "kata_sandbox_oom_source",
}
"""What is counted of OOMs passes too; two metrics more are there only after one."""


@pytest_asyncio.fixture
async def rig(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[ReloadRig]:
    del no_task_left
    async with reloading(tmp_path, clock, sandboxes=3) as rig:
        yield rig


async def reload(rig: ReloadRig, head: str = "") -> None:
    rig.write(head=head)
    assert await rig.post() == (200, "configuration reloaded\n")


async def scrape(rig: ReloadRig) -> str:
    rig.clock.advance(1.0)  # the page is reused for a second
    status, page = await rig.request("/metrics")
    assert status == 200
    return page


async def next_round(rig: ReloadRig) -> None:
    """Let every sandbox have another round, until what it brought is on the page."""
    before = timestamps(rig.page())
    rig.clock.advance(INTERVAL_SECONDS)
    await soon(lambda: not before & timestamps(rig.page()))


def timestamps(page: str) -> set[str]:
    lines = samples(page, "kata_sandbox_last_collection_timestamp_seconds")
    return {line for line in lines if 'collector="guest_metrics"' in line}


def of_sandboxes(page: str) -> set[str]:
    """Names of what is shown of sandboxes."""
    return {line.partition("{")[0] for line in page.splitlines() if '{sandbox_id="' in line}


def dropped(page: str) -> dict[str, float]:
    found = re.findall(rf'^{DROPPED}\{{reason="(\w+)"\}} (\S+)$', page, re.MULTILINE)
    return {reason: float(value) for reason, value in found}


def series(page: str, sandbox_id: str) -> int:
    return page.count(f'{{sandbox_id="{sandbox_id}"')


async def test_a_reload_denies_at_once_and_lets_back_in_with_the_next_round(
    rig: ReloadRig,
) -> None:
    before = of_sandboxes(await scrape(rig))
    assert {"kata_guest_load1", "kata_guest_memory_mem_total_bytes"} <= before

    await reload(rig, "metrics: {deny: ['kata_guest_*', 'kata_sandbox_info']}\n")
    denied = of_sandboxes(await scrape(rig))
    gone = {name for name in before if name.startswith("kata_guest_")} - WATCHED
    assert before - denied == gone | {"kata_sandbox_info"}

    await reload(rig)
    assert "kata_sandbox_info" in of_sandboxes(await scrape(rig))
    await next_round(rig)
    assert of_sandboxes(await scrape(rig)) == before


async def test_what_is_not_allowed_is_dropped_and_counted(rig: ReloadRig) -> None:
    await reload(rig, "metrics: {allow: ['kata_container_cpu_*', 'kata_guest_load?']}\n")
    page = await scrape(rig)

    shown = of_sandboxes(page) - ALWAYS_ON_THE_PAGE
    assert {"kata_guest_load1", "kata_container_cpu_usage_seconds_total"} <= shown
    assert all(name.startswith(("kata_container_cpu_", "kata_guest_load")) for name in shown)
    assert dropped(page)["not_allowed"] > 100
    assert dropped(page)["denied"] == 0
    assert "kata_exporter_build_info" in page


async def test_what_is_watched_passes_whatever_is_denied(rig: ReloadRig) -> None:
    await reload(rig, "metrics: {allow: [], deny: ['*']}\n")
    await next_round_of_watched(rig)

    page = await scrape(rig)

    assert of_sandboxes(page) == ALWAYS_ON_THE_PAGE
    assert len(samples(page, "kata_guest_oom_kills_total")) == 3
    assert set(up(page).values()) == {"1"}


async def next_round_of_watched(rig: ReloadRig) -> None:
    """Nothing that is shown has a time now; what is dropped is counted each time."""
    before = dropped(rig.page())["denied"]
    rig.clock.advance(INTERVAL_SECONDS)
    await soon(lambda: dropped(rig.page())["denied"] > before)


async def test_a_hostile_guest_loses_what_it_blew_up_and_its_neighbours_nothing(
    rig: ReloadRig, caplog: pytest.LogCaptureFixture
) -> None:
    hostile, *others = rig.fleet.sandboxes
    await reload(rig, "metrics: {max_series_per_sandbox: 600}\n")
    before = {s.id: series(await scrape(rig), s.id) for s in others}

    await hostile.suffer("many-processors")
    await next_round(rig)
    page = await scrape(rig)

    assert 0 < series(page, hostile.id) <= 600
    assert {s.id: series(page, s.id) for s in others} == before
    assert up(page)[hostile.id] == "1"
    mine = [line for line in page.splitlines() if f'"{hostile.id}"' in line]
    assert {line.partition("{")[0] for line in mine} >= ALWAYS_ON_THE_PAGE
    assert dropped(page)["sandbox_full"] > 1000

    for _ in range(2):
        await next_round(rig)
    lines = [r.__dict__["fields"] for r in caplog.records if "too many series" in r.message]
    assert [line["sandbox_id"] for line in lines] == [hostile.id]
    assert lines[0]["limit"] == "metrics.max_series_per_sandbox"


async def test_many_hostile_guests_leave_the_others_their_share(rig: ReloadRig) -> None:
    *hostile, healthy = rig.fleet.sandboxes
    before = series(await scrape(rig), healthy.id)
    for sandbox in hostile:
        await sandbox.suffer("many-processors")
    await next_round(rig)
    assert series(await scrape(rig), hostile[0].id) > 2000

    await reload(rig, "metrics: {max_series: 1500}\n")
    for _ in range(2):
        page = await scrape(rig)
        assert sum(series(page, s.id) for s in rig.fleet.sandboxes) <= 1500
        assert series(page, healthy.id) == before
        assert set(up(page).values()) == {"1"}
        await next_round(rig)

    assert dropped(await scrape(rig))["store_full"] > 1000


async def test_what_is_dropped_as_configured_is_no_matter_for_the_log(
    rig: ReloadRig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await reload(rig, "metrics: {deny: ['kata_guest_load*']}\n")
        await next_round(rig)

    assert not [r for r in caplog.records if "series" in r.message]
