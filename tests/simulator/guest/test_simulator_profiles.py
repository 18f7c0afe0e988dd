"""Every profile gives a guest that does what it says, and no more than a guest can."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter.simulator import CgroupVersion, Profile, SimulatedGuest
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.guest.guest import GuestState
from kata_exporter.simulator.guest.profiles import TRAITS
from kata_exporter.simulator.guest.units import PAGE_BYTES

CONTAINERS = ("c1", "c2", "c3", "c4")
AN_HOUR = 3600.0
SEEDS = range(20)

seeds = st.integers(0, 10_000)
profiles = st.sampled_from(Profile)
uptimes = st.floats(10.0, 1e6)


def guest(profile: Profile, seed: int) -> SimulatedGuest:
    return SimulatedGuest(
        FakeClock(), sandbox_id="demo-1", container_ids=CONTAINERS, profile=profile, seed=seed
    )


def busy_share(state: GuestState) -> float:
    idle = sum(cpu["idle"] + cpu["iowait"] for cpu in state.cpus)
    return 1.0 - idle / 1000 / state.uptime / len(state.cpus)


def used_share(state: GuestState) -> float:
    return 1.0 - state.meminfo["mem_free"] / state.meminfo["mem_total"]


def test_every_profile_has_traits() -> None:
    assert set(TRAITS) == set(Profile)


@given(profiles, seeds, uptimes)
def test_modes_of_each_cpu_add_up_to_the_uptime(profile: Profile, seed: int, uptime: float) -> None:
    state = guest(profile, seed).at(uptime)

    for cpu in state.cpus:
        assert abs(sum(cpu.values()) / 1000 - uptime) <= 0.01 * (len(cpu) + 1)
        assert min(cpu.values()) >= 0


@given(profiles, seeds, uptimes)
def test_memory_adds_up_and_fits(profile: Profile, seed: int, uptime: float) -> None:
    state = guest(profile, seed).at(uptime)
    memory = state.meminfo

    assert memory["mem_free"] > 0
    assert 0 < memory["mem_available"] <= memory["mem_total"]
    used = (
        memory["anon_pages"]
        + memory["buffers"]
        + memory["cached"]
        + memory["slab"]
        + memory["kernel_stack"]
        + memory["page_tables"]
        + memory["per_cpu"]
    )
    assert used + memory["mem_free"] == memory["mem_total"]
    assert sum(c.memory.usage for c in state.containers.values()) * PAGE_BYTES <= used
    assert state.vmstat["nr_free_pages"] * PAGE_BYTES == memory["mem_free"]


@given(profiles, seeds, uptimes)
def test_what_containers_do_is_part_of_what_the_guest_does(
    profile: Profile, seed: int, uptime: float
) -> None:
    state = guest(profile, seed).at(uptime)
    containers = state.containers.values()

    busy_us = sum(cpu["user"] + cpu["system"] for cpu in state.cpus) * 1000
    assert sum(c.cpu_us for c in containers) <= busy_us + 20_000 * len(state.cpus)
    assert sum(c.page_faults for c in containers) <= state.vmstat["pgfault"]
    assert sum(c.read_bytes for c in containers) <= state.disks["vda"]["sectors_read"] * 512
    assert sum(c.written_bytes for c in containers) <= state.disks["vda"]["sectors_written"] * 512


@settings(max_examples=50)
@given(profiles, seeds, st.lists(uptimes, min_size=2, max_size=8))
def test_counters_never_step_back(profile: Profile, seed: int, instants: list[float]) -> None:
    simulated = guest(profile, seed)

    for before, after in itertools.pairwise(simulated.at(uptime) for uptime in sorted(instants)):
        for old, new in [
            *zip(before.cpus, after.cpus, strict=True),
            *((before.interfaces[name], after.interfaces[name]) for name in before.interfaces),
            *((before.disks[name], after.disks[name]) for name in before.disks),
        ]:
            assert all(new[item] >= old[item] for item in old.keys() - {"in_progress"})
        for id_, old_usage in before.containers.items():
            new_usage = after.containers[id_]
            assert all(map(int.__ge__, new_usage.percpu_ns, old_usage.percpu_ns))
            for counter in (
                "user_us",
                "system_us",
                "periods",
                "throttled_us",
                "memory_peak_pages",
                "kernel_peak_pages",
                "page_faults",
                "charged_pages",
                "uncharged_pages",
                "read_bytes",
                "written_bytes",
            ):
                assert getattr(new_usage, counter) >= getattr(old_usage, counter), counter


@given(profiles, seeds, uptimes)
def test_charged_less_uncharged_pages_are_those_in_use(
    profile: Profile, seed: int, uptime: float
) -> None:
    for usage in guest(profile, seed).at(uptime).containers.values():
        resident = usage.memory.anon + usage.memory.file
        assert abs(usage.charged_pages - usage.uncharged_pages - resident) <= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_an_idle_guest_is_idle_and_a_busy_one_busy(seed: int) -> None:
    idle, busy = (guest(p, seed).at(AN_HOUR) for p in (Profile.IDLE, Profile.BUSY))

    assert busy_share(idle) < 0.06
    assert busy_share(busy) > 0.3
    assert idle.load["load1"] < busy.load["load1"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_memory_hog_uses_most_of_it_and_stays_just_below_its_limits(seed: int) -> None:
    simulated = guest(Profile.MEMORY_HOG, seed)

    state = simulated.at(AN_HOUR)

    assert used_share(state) > 0.4 > used_share(guest(Profile.IDLE, seed).at(AN_HOUR))
    _, *workload = state.containers.values()
    for usage in workload:
        assert usage.memory_limit is not None
        peak = usage.memory_peak_pages * PAGE_BYTES
        assert peak <= usage.memory_limit < peak * 1.02 + 2**20


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_heavy_guest_moves_more_than_any_other_kind(seed: int) -> None:
    received = {
        profile: guest(profile, seed).at(AN_HOUR).interfaces["eth0"]["recv_bytes"]
        for profile in Profile
    }

    assert max(received, key=lambda profile: received[profile]) is Profile.NETWORK_HEAVY
    assert received[Profile.NETWORK_HEAVY] > 10 * received[Profile.MIXED]


def test_many_disks_are_listed_as_on_a_captured_host(data: Path) -> None:
    """Eight loop devices and zram0 are never used, in the order and with the items of the host."""

    def lines(text: str) -> list[str]:
        return re.findall(r'kata_guest_diskstat\{disk="(?:loop\d|vda|zram0)".*\} ', text)

    state = guest(Profile.MANY_DISKS, 1).state()
    real = (data / "host-cgroup1" / "getmetrics.txt").read_text()

    assert lines(metrics_text(state, scrapes=1)) == lines(real)
    used = {name for name, disk in state.disks.items() if any(disk.values())}
    assert used == {f"vd{letter}" for letter in "abcdefgh"}
    assert {device for device, _ in state.filesystem_bytes} == used


@given(profiles, seeds, uptimes)
def test_the_cgroup_version_changes_nothing_of_what_a_guest_does(
    profile: Profile, seed: int, uptime: float
) -> None:
    first, second = (
        SimulatedGuest(
            FakeClock(),
            sandbox_id="demo-1",
            container_ids=CONTAINERS,
            profile=profile,
            cgroup=cgroup,
            seed=seed,
        )
        for cgroup in CgroupVersion
    )

    assert first.at(uptime) == second.at(uptime)
