"""Scenarios: what they do to a fleet, with time that only the test moves."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.model import ContainerState
from kata_exporter.simulator import Fleet, Victim
from kata_exporter.simulator.faults import FAULTS, Fault
from kata_exporter.simulator.scenarios import EVERY_SECONDS, KINDS, Director, Scenario
from kata_exporter.ttrpc import ServerRequest
from rig import quiet


@asynccontextmanager
async def happening(
    scenario: Scenario, directory: Path, clock: FakeClock, *, sandboxes: int = 12, seed: int = 0
) -> AsyncIterator[tuple[Fleet, list[str]]]:
    told: list[str] = []
    fleet = Fleet(directory, sandboxes=sandboxes, seed=seed, kinds=KINDS[scenario], clock=clock)
    await fleet.start()
    director = Director(fleet, scenario, clock=clock, seed=seed, tell=told.append)
    running = asyncio.create_task(director.run())
    await settle()
    try:
        yield fleet, told
        if running.done():
            await running
    finally:
        running.cancel()
        await asyncio.wait([running])
        await fleet.stop()


async def run_for(clock: FakeClock, seconds: float, *, step: float = EVERY_SECONDS) -> None:
    """Let time pass, and all that it brings about come to an end."""
    await clock.run_for(seconds, step=step)
    await quiet()


def faulty(fleet: Fleet) -> int:
    return sum(type(sandbox.agent.fault) is not Fault for sandbox in fleet.sandboxes)


def test_every_scenario_has_its_kinds_of_both_runtimes_and_both_ways() -> None:
    for scenario in Scenario:
        ways = {(kind.layout, kind.hybrid) for kind in KINDS[scenario]}
        assert len(ways) == 4, scenario


def test_the_busy_scenario_has_old_agents_both_cgroups_and_every_profile_but_idle() -> None:
    kinds = KINDS[Scenario.BUSY]

    assert len({kind.version for kind in kinds}) >= 4
    assert len({kind.cgroup for kind in kinds}) == 2
    assert len({kind.profile for kind in kinds}) == 5


@pytest.mark.parametrize("scenario", [Scenario.CALM, Scenario.BUSY])
async def test_in_a_calm_or_busy_fleet_nothing_happens_to_anyone(
    scenario: Scenario, tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(scenario, tmp_path, clock) as (fleet, told):
        before = [s.seen() for s in fleet.sandboxes]
        await run_for(clock, 300, step=5)

        assert told == []
        assert [s.seen() for s in fleet.sandboxes] == before


async def test_out_of_memory_kills_are_counted_and_containers_come_back(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(Scenario.OOM, tmp_path, clock) as (fleet, told):
        ids = {c.id for s in fleet.sandboxes for c in s.containers}
        await run_for(clock, 30 * EVERY_SECONDS, step=1)

        lines = "\n".join(told)
        kills = len(re.findall("was killed", lines))
        assert kills == 30
        assert sum(s.guest.state().vmstat["oom_kill"] for s in fleet.sandboxes) == kills
        assert "a process of the guest of" in lines
        assert re.search(r"a process of \w+ in \S+ was killed", lines)
        ended = re.findall(r"out of memory: (\w+) in ", lines)
        again = re.findall(r"(\w+) in \S+ runs again", lines)
        exited = sum(
            c.state is ContainerState.EXITED for s in fleet.sandboxes for c in s.containers
        )
        assert len(ended) == len(again) + exited > 0
        assert {c.id for s in fleet.sandboxes for c in s.containers} != ids


async def test_a_third_of_the_sandboxes_is_faulty_and_others_in_turn(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(Scenario.FAULTS, tmp_path, clock) as (fleet, told):
        assert faulty(fleet) == 4
        assert told[-1] == "and 1 more like these"

        seen = set()
        for _ in range(2 * len(FAULTS)):
            await run_for(clock, EVERY_SECONDS, step=EVERY_SECONDS)
            seen |= set(re.findall(r"suffers from ([\w-]+)", told[-1]))
            assert faulty(fleet) == 4
        assert seen <= set(FAULTS)
        assert len(seen) > len(FAULTS) * 3 // 4
        assert re.fullmatch(r"\S+ is well again; \S+ suffers from \S+", told[-1])


async def test_in_a_fleet_that_churns_sandboxes_come_and_go_and_their_number_stays(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(Scenario.CHURN, tmp_path, clock) as (fleet, told):
        ids = {s.id for s in fleet.sandboxes}
        await run_for(clock, 40 * EVERY_SECONDS, step=1)

        assert len(fleet.sandboxes) == 12
        assert {s.id for s in fleet.sandboxes} != ids
        lines = "\n".join(told)
        for what in (
            "went, .* came",
            "took the name of",
            "lost its VM",
            "booted again",
            "restarted",
        ):
            assert re.search(what, lines), what
        ready = [pod.id for pod in fleet.host.cri.pods if pod.ready]
        assert sorted(ready) == sorted(s.id for s in fleet.sandboxes)


async def test_one_seed_lets_the_same_happen(tmp_path: Path) -> None:
    told = []
    for number, seed in enumerate((7, 7, 8)):
        clock = FakeClock()
        async with happening(Scenario.CHURN, tmp_path / str(number), clock, seed=seed) as (
            _,
            lines,
        ):
            await run_for(clock, 20 * EVERY_SECONDS, step=1)
            told.append(lines)

    assert told[0] == told[1]
    assert told[0] != told[2]


@pytest.mark.parametrize("scenario", list(Scenario))
async def test_a_fleet_of_one_is_enough(
    scenario: Scenario, tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(scenario, tmp_path, clock, sandboxes=1) as (fleet, _):
        await run_for(clock, 30 * EVERY_SECONDS, step=1)

        assert len(fleet.sandboxes) == 1


@pytest.mark.parametrize("scenario", [Scenario.OOM, Scenario.FAULTS, Scenario.CHURN])
async def test_what_a_client_of_the_agents_ended_is_replaced(
    scenario: Scenario, tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(scenario, tmp_path, clock, sandboxes=2) as (fleet, told):
        pauseless, destroyed = fleet.sandboxes
        pauseless.kill_for_memory(pauseless.id, Victim.INIT)
        await destroyed.agent.handle(ServerRequest("grpc.AgentService", "DestroySandbox", b""))
        clock.advance(1)
        await quiet()
        assert {sandbox.id for sandbox in fleet.ended} == {pauseless.id, destroyed.id}

        await run_for(clock, EVERY_SECONDS)

        assert fleet.ended == ()
        assert len(fleet.sandboxes) == 2
        assert sum("had ended" in line for line in told) == 2


async def test_in_a_large_fleet_more_happens_at_a_time_and_most_of_it_is_summed_up(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with happening(Scenario.CHURN, tmp_path, clock, sandboxes=100) as (_, told):
        await run_for(clock, EVERY_SECONDS, step=1)

        assert len(told) == 4
        assert told[-1] == "and 3 more like these"
