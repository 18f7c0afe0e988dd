"""Statistics on cgroup v1 are those of a real agent, field by field, and hang together."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.reader import container_chunks
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.guest.containers import ContainerUsage
from kata_exporter.ttrpc import ServerRequest
from proto_fields import fields_of

CAPTURES = "guest-vm-cgroup1"
TICK_NS = 10_000_000


def guest(seed: int, cgroup: CgroupVersion = CgroupVersion.V1) -> SimulatedGuest:
    return SimulatedGuest(
        FakeClock(),
        sandbox_id="demo-1",
        container_ids=["c1", "c2", "c3", "c4"],
        cgroup=cgroup,
        seed=seed,
    )


def usage(*, limited: bool, uses_disk: bool) -> ContainerUsage:
    for seed in range(100):
        for found in guest(seed).state().containers.values():
            if found.uses_disk is uses_disk and (found.memory_limit is not None) is limited:
                return found
    raise AssertionError("no such container in a hundred guests")


def cgroup_stats(found: ContainerUsage) -> agent_pb2.CgroupStats:
    return stats_response(found, cgroup=CgroupVersion.V1).cgroup_stats


def without_numbers_of_io(fields: set[str]) -> set[str]:
    """Leave out the values of block io, all of which were 0 when the real answers were taken."""
    return {field for field in fields if not field.endswith("_recursive/value")}


@pytest.mark.parametrize(
    ("capture", "limited", "uses_disk"), [("limited", True, True), ("nolimits", False, False)]
)
def test_statistics_have_the_fields_of_a_real_agents(
    data: Path, capture: str, *, limited: bool, uses_disk: bool
) -> None:
    raw = (data / CAPTURES / f"statscontainer-{capture}.bin").read_bytes()
    real = agent_pb2.StatsContainerResponse.FromString(raw)

    simulated = stats_response(usage(limited=limited, uses_disk=uses_disk), cgroup=CgroupVersion.V1)

    # A container that has just started has no page cache yet, and so sends none.
    started = {"/cgroup_stats/memory_stats/cache"}
    assert without_numbers_of_io(fields_of(simulated)) - started == fields_of(real) - started


def test_block_io_has_the_devices_and_operations_of_a_real_agents(data: Path) -> None:
    raw = (data / CAPTURES / "statscontainer-limited.bin").read_bytes()
    real = agent_pb2.StatsContainerResponse.FromString(raw).cgroup_stats.blkio_stats
    simulated = cgroup_stats(usage(limited=True, uses_disk=True)).blkio_stats

    for found, expected in (
        (simulated.io_service_bytes_recursive, real.io_service_bytes_recursive),
        (simulated.io_serviced_recursive, real.io_serviced_recursive),
    ):
        assert [(e.major, e.minor, e.op) for e in found] == [
            (e.major, e.minor, e.op) for e in expected
        ]
        values = {entry.op: entry.value for entry in found}
        assert values["total"] == values["read"] + values["write"]
        assert values["total"] == values["sync"] + values["async"] > 0


def test_metrics_are_those_of_a_guest_with_cgroup_v2(data: Path) -> None:
    """GetMetrics doesn't look at cgroups: both captures have the same lines, and so do we."""
    first, second = (metrics_text(guest(3, cgroup).state(), scrapes=1) for cgroup in CgroupVersion)
    assert first == second

    def headers(name: str) -> list[str]:
        lines = (data / name).read_text().splitlines()
        return [line for line in lines if line.startswith("#")]

    assert headers("guest-vm-cgroup1/getmetrics.txt") == [
        line for line in first.splitlines() if line.startswith("#")
    ]


def test_no_limit_is_the_largest_number_of_whole_pages(data: Path) -> None:
    raw = (data / CAPTURES / "statscontainer-nolimits.bin").read_bytes()
    real = agent_pb2.StatsContainerResponse.FromString(raw).cgroup_stats.memory_stats

    memory = cgroup_stats(usage(limited=False, uses_disk=False)).memory_stats

    for data_of in ("usage", "swap_usage", "kernel_usage"):
        assert getattr(memory, data_of).limit == getattr(real, data_of).limit
    for key in ("hierarchical_memory_limit", "hierarchical_memsw_limit"):
        assert memory.stats[key] == real.stats[key] == 9223372036854771712


@given(st.integers(0, 10_000), st.floats(10.0, 1e6))
def test_cpu_time_adds_up_over_processors_and_modes(seed: int, uptime: float) -> None:
    simulated = guest(seed)

    for found in simulated.at(uptime).containers.values():
        cpu = cgroup_stats(found).cpu_stats.cpu_usage
        assert len(cpu.percpu_usage) == simulated.cpus
        assert cpu.total_usage == sum(cpu.percpu_usage)
        assert cpu.usage_in_usermode % TICK_NS == cpu.usage_in_kernelmode % TICK_NS == 0
        by_mode = cpu.usage_in_usermode + cpu.usage_in_kernelmode
        assert 0 <= cpu.total_usage - by_mode + 2_000 <= 2 * TICK_NS + 4_000


@given(st.integers(0, 10_000), st.floats(10.0, 1e6))
def test_memory_and_its_parts_hang_together(seed: int, uptime: float) -> None:
    for found in guest(seed).at(uptime).containers.values():
        memory = cgroup_stats(found).memory_stats
        stat = memory.stats
        assert memory.usage.usage == stat["rss"] + stat["cache"] + memory.kernel_usage.usage
        assert memory.usage == memory.swap_usage
        assert memory.usage.usage <= memory.usage.max_usage <= memory.usage.limit
        assert memory.kernel_usage.usage <= memory.kernel_usage.max_usage
        assert memory.cache == stat["cache"] == stat["active_file"] + stat["inactive_file"]
        assert stat["rss"] == stat["active_anon"] + stat["inactive_anon"]
        for key in (key for key in stat if f"total_{key}" in stat):
            assert stat[f"total_{key}"] == stat[key]


def test_throttled_time_goes_with_throttled_periods() -> None:
    throttling = cgroup_stats(usage(limited=True, uses_disk=True)).cpu_stats.throttling_data

    assert 0 < throttling.throttled_periods <= throttling.periods
    each = throttling.throttled_time / throttling.throttled_periods
    assert 40e6 < each < 50e6


def test_a_limited_container_that_was_killed_for_memory_had_all_of_it() -> None:
    simulated = next(g for g in map(guest, range(100)) if g.state().containers["c1"].memory_limit)
    before = cgroup_stats(simulated.state().containers["c1"]).memory_stats.usage
    assert (before.failcnt, before.max_usage < before.limit) == (0, True)

    simulated.count_oom_kill("c1")
    simulated.count_oom_kill("c1")

    after = cgroup_stats(simulated.state().containers["c1"]).memory_stats.usage
    assert (after.failcnt, after.max_usage) == (2, after.limit)


async def test_an_agent_in_a_guest_with_cgroup_v1_answers_so() -> None:
    simulated = guest(3)
    agent = SimulatedAgent(simulated, FakeClock())
    request = agent_pb2.StatsContainerRequest(container_id="c1").SerializeToString()

    answer = await agent.handle(ServerRequest("grpc.AgentService", "StatsContainer", request))

    expected = stats_response(simulated.state().containers["c1"], cgroup=CgroupVersion.V1)
    assert agent_pb2.StatsContainerResponse.FromString(answer) == expected


def test_the_exporter_takes_it_for_what_it_is() -> None:
    """Both versions come to the same, but for what only v1 has."""
    found = usage(limited=True, uses_disk=True)
    first, second = (
        {
            chunk.metric.name: tuple(map(float, chunk.values))
            for chunk in container_chunks(
                "", container_stats(stats_response(found, cgroup=cgroup)), "4.1.0"
            )
        }
        for cgroup in CgroupVersion
    )

    only_on_v1 = {
        f"kata_container_{name}"
        for name in (
            "blkio_device_usage_total",
            "cpu_cfs_throttled_seconds_total",
            "cpu_percpu_usage_seconds_total",
            "fs_reads_bytes_total",
            "fs_reads_total",
            "fs_writes_bytes_total",
            "fs_writes_total",
            "hugetlb_max_usage_bytes",
            "memory_failcnt",
        )
    }
    assert first.keys() - second.keys() == only_on_v1
    assert second.keys() < first.keys()
    for name, values in second.items():
        assert first[name] == pytest.approx(values, abs=0.011), name
