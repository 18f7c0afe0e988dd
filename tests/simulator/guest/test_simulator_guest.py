"""A guest's state is consistent at every instant, and its counters only grow."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter.simulator import SimulatedGuest
from kata_exporter.simulator.guest.units import PAGE_BYTES

CONTAINERS = ["c1", "c2", "c3"]
GAUGES_OF_DISK = {"in_progress"}


def guest(seed: int, clock: FakeClock | None = None, *, containers: int = 3) -> SimulatedGuest:
    return SimulatedGuest(
        clock or FakeClock(),
        sandbox_id="demo-1",
        container_ids=CONTAINERS[:containers],
        seed=seed,
    )


seeds = st.integers(0, 10_000)
uptimes = st.floats(10.0, 1e6)


@given(seeds, uptimes)
def test_modes_of_each_cpu_add_up_to_the_uptime(seed: int, uptime: float) -> None:
    state = guest(seed).at(uptime)

    for cpu in state.cpus:
        assert abs(sum(cpu.values()) / 1000 - uptime) <= 0.01 * (len(cpu) + 1)
        assert all(ms % 10 == 0 for ms in cpu.values())


@given(seeds, uptimes)
def test_memory_fits(seed: int, uptime: float) -> None:
    state = guest(seed).at(uptime)
    memory = state.meminfo

    assert 0 < memory["mem_free"] < memory["mem_total"]
    assert memory["mem_free"] <= memory["mem_available"] <= memory["mem_total"]
    assert memory["active"] == memory["active_anon"] + memory["active_file"]
    assert memory["inactive"] == memory["inactive_anon"] + memory["inactive_file"]
    assert memory["slab"] == memory["s_reclaimable"] + memory["s_unreclaim"]
    used_by_containers = sum(c.memory.usage for c in state.containers.values()) * PAGE_BYTES
    assert used_by_containers <= memory["mem_total"] - memory["mem_free"]


@given(seeds, uptimes)
def test_containers_use_no_more_cpu_than_the_guest(seed: int, uptime: float) -> None:
    state = guest(seed).at(uptime)

    busy_ms = sum(cpu["user"] + cpu["system"] for cpu in state.cpus)
    containers_ms = sum(c.cpu_us for c in state.containers.values()) / 1000
    assert containers_ms <= busy_ms + 20 * len(state.cpus)


@given(seeds, uptimes)
def test_a_container_stays_within_its_limit_and_its_peak(seed: int, uptime: float) -> None:
    for usage in guest(seed).at(uptime).containers.values():
        assert usage.memory.usage <= usage.memory_peak_pages
        if usage.memory_limit is not None:
            assert usage.memory_peak_pages * PAGE_BYTES <= usage.memory_limit
        assert usage.throttled_periods <= usage.periods


@settings(max_examples=50)
@given(seeds, st.lists(st.floats(10.0, 1e6), min_size=2, max_size=10))
def test_counters_never_step_back(seed: int, instants: list[float]) -> None:
    simulated = guest(seed)
    states = [simulated.at(uptime) for uptime in sorted(instants)]

    for before, after in itertools.pairwise(states):
        pairs = [
            *zip(before.cpus, after.cpus, strict=True),
            *((before.interfaces[name], after.interfaces[name]) for name in before.interfaces),
            (before.agent.stat, after.agent.stat),
            (before.agent.io, after.agent.io),
        ]
        for old, new in pairs:
            assert all(new[item] >= old[item] for item in old)
        for name, disk in before.disks.items():
            items = disk.keys() - GAUGES_OF_DISK
            assert all(after.disks[name][item] >= disk[item] for item in items)
        for name, usage in before.containers.items():
            assert after.containers[name].cpu_us >= usage.cpu_us
            assert after.containers[name].page_faults >= usage.page_faults
            assert after.containers[name].periods >= usage.periods


def test_values_move_within_a_second() -> None:
    clock = FakeClock()
    simulated = guest(1, clock)
    first = simulated.state()

    clock.advance(1.0)
    second = simulated.state()

    assert second.cpus != first.cpus
    assert second.interfaces != first.interfaces
    assert second.containers["c1"].cpu_us > first.containers["c1"].cpu_us


def test_one_seed_gives_one_guest_and_another_another() -> None:
    assert guest(5).at(100.0) == guest(5).at(100.0)
    assert guest(5).at(100.0) != guest(6).at(100.0)


def test_kills_are_counted_by_the_guests_kernel() -> None:
    simulated = guest(1)

    assert [simulated.count_oom_kill("c1"), simulated.count_oom_kill("c1")] == [1, 2]
    assert simulated.count_oom_kill("c2") == 1

    assert simulated.state().vmstat["oom_kill"] == 3
