"""Containers of a simulated guest that wait for their start, are paused, and get other limits."""

import pytest

from fake_clock import FakeClock
from kata_exporter.simulator import CgroupVersion, SimulatedGuest
from kata_exporter.simulator.guest.containers import ContainerUsage


@pytest.fixture
def simulated(clock: FakeClock) -> SimulatedGuest:
    return SimulatedGuest(
        clock, sandbox_id="demo-1", container_ids=["c1", "c2"], cgroup=CgroupVersion.V1, seed=1
    )


def usage(simulated: SimulatedGuest, container_id: str) -> ContainerUsage:
    return simulated.state().containers[container_id]


class Watcher:
    """Notes what it is told."""

    def __init__(self, guest: SimulatedGuest) -> None:
        self.heard: list[tuple[str | int, ...]] = []
        guest.watch(self)

    def container_added(self, container_id: str) -> None:
        self.heard.append(("added", container_id))

    def container_ended(self, container_id: str, exit_code: int) -> None:
        self.heard.append(("ended", container_id, exit_code))

    def container_removed(self, container_id: str) -> None:
        self.heard.append(("removed", container_id))

    def booted(self) -> None:
        self.heard.append(("booted",))


def test_a_container_that_is_not_started_has_one_process_and_no_work(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    load = simulated.state().load["load1"]
    simulated.add_container("c3", started=False)

    clock.advance(60)

    made = usage(simulated, "c3")
    assert simulated.runs("c3")
    assert (made.cpu_us, made.page_faults, made.pids) == (0, 0, 1)
    assert (made.charged_pages, made.uncharged_pages) == (0, 0)
    assert made.memory.usage <= made.memory_peak_pages <= 6
    assert simulated.state().load["load1"] < load + 4

    simulated.start_container("c3")
    clock.advance(60)
    running = usage(simulated, "c3")
    assert running.cpu_us > 0
    assert running.memory.usage > made.memory.usage


def test_one_that_is_killed_before_its_start_shows_no_work(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    simulated.add_container("c3", started=False)
    simulated.stop_container("c3", 137)
    clock.advance(60)

    dead = usage(simulated, "c3")

    assert (dead.cpu_us, dead.pids, dead.charged_pages, dead.uncharged_pages) == (0, 0, 0, 0)
    simulated.remove_container("c3")


def test_counters_of_a_paused_container_stand_still_and_then_go_on(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    simulated.pause_container("c1")
    paused = usage(simulated, "c1")
    clock.advance(3600)
    assert usage(simulated, "c1") == paused
    assert usage(simulated, "c2").cpu_us > 0

    simulated.resume_container("c1")
    clock.advance(1)
    resumed = usage(simulated, "c1")

    assert 0 < resumed.cpu_us - paused.cpu_us <= 1_000_000 * simulated.cpus
    assert resumed.memory.usage > 0


def test_with_all_containers_paused_the_load_fades(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    before = simulated.state().load["load1"]

    for container_id in simulated.container_ids:
        simulated.pause_container(container_id)
    clock.advance(600)

    assert simulated.state().load["load1"] < before / 2


def test_one_that_ends_while_it_is_paused_did_nothing_since(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    simulated.pause_container("c1")
    paused = usage(simulated, "c1")
    clock.advance(60)
    simulated.stop_container("c1")
    clock.advance(60)

    assert usage(simulated, "c1").cpu_us == paused.cpu_us


def test_one_that_is_paused_before_its_start_begins_when_it_is_resumed(
    simulated: SimulatedGuest, clock: FakeClock
) -> None:
    simulated.add_container("c3", started=False)
    simulated.pause_container("c3")
    simulated.start_container("c3")
    clock.advance(60)
    assert usage(simulated, "c3").cpu_us == 0

    simulated.resume_container("c3")
    clock.advance(1)

    assert 0 < usage(simulated, "c3").cpu_us <= 1_000_000 * simulated.cpus


def test_a_restarted_container_is_not_paused(simulated: SimulatedGuest, clock: FakeClock) -> None:
    simulated.pause_container("c1")
    simulated.restart_container("c1", "c1-again")
    clock.advance(1)

    assert usage(simulated, "c1-again").cpu_us > 0


def test_a_limit_is_set_and_taken_away_and_the_peak_of_a_kill_stays(
    simulated: SimulatedGuest,
) -> None:
    simulated.limit_memory("c1", 1 << 33)
    simulated.count_oom_kill("c1")
    simulated.limit_memory("c1", None)

    assert usage(simulated, "c1").memory_limit is None
    assert usage(simulated, "c1").memory_peak_pages == (1 << 33) // 4096
    with pytest.raises(ValueError, match="'c1' uses more than 1 bytes"):
        simulated.limit_memory("c1", 1)


def test_all_that_happens_to_containers_is_told(simulated: SimulatedGuest) -> None:
    watcher = Watcher(simulated)

    simulated.add_container("c3")
    simulated.stop_container("c3", 3)
    simulated.stop_container("c3", 4)
    simulated.remove_container("c3")
    simulated.restart_container("c2", "c2-again")
    simulated.restart()

    assert watcher.heard == [
        ("added", "c3"),
        ("ended", "c3", 3),
        ("removed", "c3"),
        ("removed", "c2"),
        ("added", "c2-again"),
        ("booted",),
    ]
