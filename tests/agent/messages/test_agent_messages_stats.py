"""Captured statistics keep every number, and what a guest lacks is absent."""

from typing import Any

import pytest

import captured
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.agent.types import BlkioEntry, ContainerStats, HugetlbStats, MemoryUsage

U64_MAX = 2**64 - 1


def read(name: str) -> tuple[ContainerStats, dict[str, Any]]:
    message = pb.StatsContainerResponse.FromString(captured.stats(name))
    return container_stats(message), captured.stats_json(name)


def usage_of(document: dict[str, Any] | None) -> MemoryUsage | None:
    if document is None:
        return None
    return MemoryUsage(
        *(int(document.get(key, 0)) for key in ("usage", "maxUsage", "failcnt", "limit"))
    )


def entries_of(document: dict[str, Any], key: str) -> tuple[BlkioEntry, ...]:
    return tuple(
        BlkioEntry(
            int(entry.get("major", 0)),
            int(entry.get("minor", 0)),
            entry.get("op", ""),
            int(entry.get("value", 0)),
        )
        for entry in document.get("blkioStats", {}).get(key, [])
    )


@pytest.mark.parametrize("name", captured.STATS)
def test_cpu_is_what_another_decoder_reads(name: str) -> None:
    stats, document = read(name)
    usage, throttling = document["cpuStats"]["cpuUsage"], document["cpuStats"]["throttlingData"]

    assert stats.cpu is not None
    assert stats.cpu.usage_ns == int(usage.get("totalUsage", 0))
    assert stats.cpu.usage_user_ns == int(usage.get("usageInUsermode", 0))
    assert stats.cpu.usage_kernel_ns == int(usage.get("usageInKernelmode", 0))
    assert stats.cpu.usage_percpu_ns == tuple(map(int, usage.get("percpuUsage", [])))
    assert stats.cpu.periods == int(throttling.get("periods", 0))
    assert stats.cpu.throttled_periods == int(throttling.get("throttledPeriods", 0))
    assert stats.cpu.throttled_ns == int(throttling.get("throttledTime", 0))


@pytest.mark.parametrize("name", captured.STATS)
def test_memory_is_what_another_decoder_reads(name: str) -> None:
    stats, document = read(name)
    memory = document["memoryStats"]

    assert stats.memory is not None
    assert stats.memory.cache_bytes == int(memory.get("cache", 0))
    assert stats.memory.use_hierarchy == memory.get("useHierarchy", False)
    assert stats.memory.usage == usage_of(memory.get("usage"))
    assert stats.memory.swap == usage_of(memory.get("swapUsage"))
    assert stats.memory.kernel == usage_of(memory.get("kernelUsage"))
    assert stats.memory.stat == {key: int(value) for key, value in memory["stats"].items()}
    assert len(stats.memory.stat) > 10


@pytest.mark.parametrize("name", captured.STATS)
def test_the_rest_is_what_another_decoder_reads(name: str) -> None:
    stats, document = read(name)

    assert stats.pids is not None
    assert stats.pids.current == int(document["pidsStats"].get("current", 0))
    assert stats.pids.limit == int(document["pidsStats"].get("limit", 0))
    assert stats.io_service_bytes == entries_of(document, "ioServiceBytesRecursive")
    assert stats.io_serviced == entries_of(document, "ioServicedRecursive")
    assert stats.hugetlb is not None
    assert set(stats.hugetlb) == set(document.get("hugetlbStats", {}))


def test_empty_answer_has_nothing() -> None:
    assert container_stats(pb.StatsContainerResponse()) == ContainerStats(hugetlb={})


def test_cpu_without_usage_is_absent() -> None:
    message = pb.StatsContainerResponse()
    message.cgroup_stats.cpu_stats.throttling_data.periods = 1

    assert container_stats(message).cpu is None


def test_throttling_that_was_not_sent_is_absent() -> None:
    message = pb.StatsContainerResponse()
    message.cgroup_stats.cpu_stats.cpu_usage.total_usage = 1

    cpu = container_stats(message).cpu

    assert cpu is not None
    assert (cpu.periods, cpu.throttled_periods, cpu.throttled_ns) == (None, None, None)


def test_memory_without_its_parts_has_none_of_them() -> None:
    message = pb.StatsContainerResponse()
    message.cgroup_stats.memory_stats.cache = 1

    memory = container_stats(message).memory

    assert memory is not None
    assert (memory.usage, memory.swap, memory.kernel) == (None, None, None)


def test_key_that_the_kernel_did_not_give_is_not_made_up() -> None:
    """A protobuf map would answer 0, and hold the key from then on."""
    message = pb.StatsContainerResponse()
    message.cgroup_stats.memory_stats.stats["anon"] = 7

    memory = container_stats(message).memory

    assert memory is not None
    assert memory.stat["anon"] == 7
    with pytest.raises(KeyError):
        memory.stat["file"]


def test_largest_numbers_are_whole() -> None:
    message = pb.StatsContainerResponse()
    cgroup = message.cgroup_stats
    cgroup.cpu_stats.cpu_usage.total_usage = U64_MAX
    cgroup.memory_stats.usage.limit = U64_MAX
    cgroup.hugetlb_stats["2MB"].usage = U64_MAX

    stats = container_stats(message)

    assert stats.cpu is not None
    assert stats.memory is not None
    assert stats.cpu.usage_ns == U64_MAX
    assert stats.memory.usage == MemoryUsage(0, 0, 0, U64_MAX)
    assert stats.hugetlb == {"2MB": HugetlbStats(U64_MAX, 0, 0)}


def test_stats_container_leaves_network_statistics_out() -> None:
    """No agent fills them: zeros would be taken for an idle network."""
    with_network = pb.StatsContainerResponse(network_stats=[pb.NetworkStats(name="eth0")])

    assert container_stats(with_network) == container_stats(pb.StatsContainerResponse())
