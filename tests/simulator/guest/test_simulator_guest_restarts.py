"""What begins anew when a VM or a container restarts, and what goes on growing."""

from collections.abc import Callable
from dataclasses import astuple
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2
from kata_exporter.simulator import Profile, SimulatedGuest
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.guest.guest import GuestState
from kata_exporter.simulator.guest.units import PAGE_BYTES
from proto_fields import fields_of

EVENTS = ("pgfault", "pgmajfault", "pgpgin", "pgpgout", "oom_kill")


def guest(
    clock: FakeClock, *ids: str, seed: int = 1, profile: Profile = Profile.MIXED
) -> SimulatedGuest:
    return SimulatedGuest(
        clock, sandbox_id="demo-1", container_ids=ids or ("c1", "c2"), profile=profile, seed=seed
    )


def counters(state: GuestState) -> list[int]:
    """All of the guest's own that must not step back while it is up."""
    return [
        *(ms for cpu in state.cpus for ms in cpu.values()),
        *(state.vmstat[event] for event in EVENTS),
        *(n for disk in state.disks.values() for item, n in disk.items() if item != "in_progress"),
        *(n for interface in state.interfaces.values() for n in interface.values()),
    ]


def test_a_vm_that_restarts_counts_from_zero(clock: FakeClock) -> None:
    simulated = guest(clock)
    simulated.count_oom_kill("c1")
    simulated.count_oom_kill()
    simulated.stop_container("c1")
    before = simulated.state()

    simulated.restart()

    at_once = simulated.state()
    assert at_once.uptime == 0.0
    assert max(ms for cpu in at_once.cpus for ms in cpu.values()) == 0
    assert at_once.vmstat["oom_kill"] == at_once.disks["vda"]["reads"] == 0
    clock.advance(10.0)
    later = simulated.state()
    assert 0 < later.containers["c1"].cpu_us < before.containers["c1"].cpu_us
    assert later.containers["c1"].oom_kills == 0
    assert simulated.runs("c1")
    assert simulated.count_oom_kill("c1") == 1
    assert simulated.count_oom_kill() == 1


def test_a_vm_that_restarts_has_a_new_time_of_boot(clock: FakeClock) -> None:
    simulated = guest(clock)
    before = simulated.state().boot_time
    clock.advance(100.0)
    assert simulated.state().boot_time == before

    simulated.restart()

    assert simulated.state().boot_time == int(clock.time())
    assert simulated.boots == 2


def test_a_container_that_restarts_counts_from_zero_and_its_guest_goes_on(
    clock: FakeClock,
) -> None:
    simulated = guest(clock)
    simulated.count_oom_kill("c1")
    before = simulated.state()

    simulated.restart_container("c1", "c1-again")

    after = simulated.state()
    assert simulated.container_ids == ("demo-1", "c2", "c1-again")
    again = after.containers["c1-again"]
    assert (again.cpu_us, again.page_faults, again.periods, again.oom_kills) == (0, 0, 0, 0)
    assert again.memory_limit == before.containers["c1"].memory_limit
    assert counters(after) == counters(before)
    clock.advance(5.0)
    assert simulated.state().containers["c1-again"].cpu_us > 0
    assert simulated.state().vmstat["oom_kill"] == 1


def test_a_removed_container_is_gone_and_its_work_remains(clock: FakeClock) -> None:
    simulated = guest(clock)
    before = simulated.state()

    simulated.remove_container("c1")

    after = simulated.state()
    assert set(after.containers) == {"demo-1", "c2"}
    assert counters(after) == counters(before)
    assert after.meminfo["mem_free"] > before.meminfo["mem_free"]


def test_the_load_fades_once_all_containers_are_gone(clock: FakeClock) -> None:
    simulated = guest(clock, profile=Profile.BUSY)
    before = simulated.state().load

    simulated.remove_container("c1")
    simulated.remove_container("c2")

    assert simulated.state().load == pytest.approx(before, abs=0.011)
    clock.advance(60.0)
    after_a_minute = simulated.state().load
    assert after_a_minute["load1"] < 0.6 * before["load1"]
    assert after_a_minute["load15"] > 0.8 * before["load15"]
    clock.advance(7200.0)
    assert simulated.state().load["load15"] < 0.2


def test_a_guest_takes_other_containers_up_to_sixteen(clock: FakeClock) -> None:
    simulated = guest(clock, "c1", "c2", "c3")

    for number in range(4, 17):
        simulated.add_container(f"c{number}")

    assert simulated.state().containers["c4"].cpu_us == 0
    clock.advance(60.0)
    assert simulated.state().containers["c4"].cpu_us > 0
    with pytest.raises(ValueError, match="16 containers at most"):
        simulated.add_container("c17")


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda g: g.add_container("c1"), ValueError, "a container 'c1' already"),
        (lambda g: g.restart_container("c1", "c2"), ValueError, "a container 'c2' already"),
        (lambda g: g.restart_container("demo-1", "x"), ValueError, "as long as its guest"),
        (lambda g: g.remove_container("demo-1"), ValueError, "as long as its guest"),
        (lambda g: g.remove_container("none"), KeyError, "none"),
        (lambda g: g.restart_container("none", "x"), KeyError, "none"),
        (lambda g: g.stop_container("none"), KeyError, "none"),
        (lambda g: g.count_oom_kill("none"), KeyError, "none"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    clock: FakeClock,
    act: Callable[[SimulatedGuest], None],
    error: type[Exception],
    text: str,
) -> None:
    simulated = guest(clock)
    before = simulated.state()

    with pytest.raises(error, match=text):
        act(simulated)

    assert simulated.state() == before


@pytest.mark.parametrize("ids", [(), ("a", "b", "c", "d", "e"), ("a", "a"), ("demo-1",)])
def test_a_guest_has_one_to_four_containers_of_different_ids(
    clock: FakeClock, ids: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="containers"):
        SimulatedGuest(clock, sandbox_id="demo-1", container_ids=ids)


def test_an_exited_container_shows_what_it_used_and_grows_no_more(clock: FakeClock) -> None:
    simulated = guest(clock)
    running = simulated.state().containers["c1"]

    simulated.stop_container("c1")
    clock.advance(3600.0)
    simulated.stop_container("c1")  # it has exited already

    exited = simulated.state().containers["c1"]
    assert (exited.cpu_us, exited.page_faults) == (running.cpu_us, running.page_faults)
    assert exited.pids == 0
    assert exited.memory.usage * PAGE_BYTES == 24_576
    assert exited.charged_pages == exited.uncharged_pages >= running.uncharged_pages


def test_an_exited_container_has_the_fields_of_a_real_one(clock: FakeClock, data: Path) -> None:
    """The real one had no CPU quota; the periods of one are all that is more here."""
    raw = (data / "guest-vm-cgroup2" / "statscontainer-exited.bin").read_bytes()
    real = fields_of(agent_pb2.StatsContainerResponse.FromString(raw))
    simulated = next(
        made
        for made in (guest(clock, "c1", seed=seed) for seed in range(100))
        if not (usage := made.state().containers["c1"]).uses_disk and usage.memory_limit
    )

    simulated.stop_container("c1")
    found = fields_of(stats_response(simulated.state().containers["c1"]))

    quota = "/cgroup_stats/cpu_stats/throttling_data/"
    assert found == real | {f"{quota}periods", f"{quota}throttled_periods"}


actions = st.lists(
    st.tuples(
        st.sampled_from(["wait", "restart", "add", "remove", "stop", "kill"]),
        st.floats(0.0, 200.0),
        st.integers(0, 100),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(st.integers(0, 1000), st.sampled_from(Profile), actions)
def test_whatever_happens_to_containers_the_guest_stays_consistent(
    seed: int, profile: Profile, happenings: list[tuple[str, float, int]]
) -> None:
    clock = FakeClock()
    simulated = guest(clock, "c1", "c2", seed=seed, profile=profile)
    numbers = count(1)
    before = simulated.state()

    for what, seconds, pick in happenings:
        workload = simulated.container_ids[1:]
        chosen = workload[pick % len(workload)] if workload else None
        if what == "add" and len(workload) < 4:
            simulated.add_container(f"n{next(numbers)}")
        elif what == "restart" and chosen:
            simulated.restart_container(chosen, f"n{next(numbers)}")
        elif what == "remove" and chosen:
            simulated.remove_container(chosen)
        elif what == "stop" and chosen:
            simulated.stop_container(chosen)
        elif what == "kill" and chosen:
            simulated.count_oom_kill(chosen)
        at_once = simulated.state()
        clock.advance(seconds)
        after = simulated.state()

        for old, new in ((before, at_once), (at_once, after)):
            assert all(map(int.__ge__, counters(new), counters(old)))
        check_sums(after)
        before = after


def check_sums(state: GuestState) -> None:
    for cpu in state.cpus:
        assert abs(sum(cpu.values()) / 1000 - state.uptime) <= 0.01 * (len(cpu) + 1)
        assert min(cpu.values()) >= 0
    assert state.meminfo["mem_free"] > 0
    assert min(state.load.values()) >= 0
    for usage in state.containers.values():
        assert min(astuple(usage.memory)) >= 0
        if usage.memory_limit is not None:
            assert usage.memory_peak_pages * PAGE_BYTES <= usage.memory_limit
