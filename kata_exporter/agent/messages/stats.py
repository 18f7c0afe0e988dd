"""Statistics of a container: from the agent's message to dataclasses."""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.types.stats import (
    BlkioEntry,
    ContainerStats,
    CpuStats,
    HugetlbStats,
    MemoryStats,
    MemoryUsage,
    PidsStats,
)


def container_stats(message: pb.StatsContainerResponse) -> ContainerStats:
    """Translate StatsContainerResponse; what the agent left out is None or empty."""
    cgroup = message.cgroup_stats
    return ContainerStats(
        cpu=_cpu(cgroup.cpu_stats) if cgroup.HasField("cpu_stats") else None,
        memory=_memory(cgroup.memory_stats) if cgroup.HasField("memory_stats") else None,
        pids=_pids(cgroup.pids_stats) if cgroup.HasField("pids_stats") else None,
        io_service_bytes=tuple(
            BlkioEntry(entry.major, entry.minor, entry.op, entry.value)
            for entry in cgroup.blkio_stats.io_service_bytes_recursive
        ),
        io_serviced=tuple(
            BlkioEntry(entry.major, entry.minor, entry.op, entry.value)
            for entry in cgroup.blkio_stats.io_serviced_recursive
        ),
        hugetlb={
            size: HugetlbStats(stats.usage, stats.max_usage, stats.failcnt)
            for size, stats in cgroup.hugetlb_stats.items()
        },
    )


def _cpu(message: pb.CpuStats) -> CpuStats | None:
    if not message.HasField("cpu_usage"):
        return None
    usage, throttling = message.cpu_usage, message.throttling_data
    throttled = message.HasField("throttling_data")
    return CpuStats(
        usage_ns=usage.total_usage,
        usage_user_ns=usage.usage_in_usermode,
        usage_kernel_ns=usage.usage_in_kernelmode,
        usage_percpu_ns=tuple(usage.percpu_usage),
        periods=throttling.periods if throttled else None,
        throttled_periods=throttling.throttled_periods if throttled else None,
        throttled_ns=throttling.throttled_time if throttled else None,
    )


def _memory(message: pb.MemoryStats) -> MemoryStats:
    return MemoryStats(
        cache_bytes=message.cache,
        use_hierarchy=message.use_hierarchy,
        usage=_memory_usage(message.usage) if message.HasField("usage") else None,
        swap=_memory_usage(message.swap_usage) if message.HasField("swap_usage") else None,
        kernel=_memory_usage(message.kernel_usage) if message.HasField("kernel_usage") else None,
        stat=dict(message.stats),  # a map field would make up a 0 for a key that it lacks
    )


def _memory_usage(message: pb.MemoryData) -> MemoryUsage:
    return MemoryUsage(message.usage, message.max_usage, message.failcnt, message.limit)


def _pids(message: pb.PidsStats) -> PidsStats:
    return PidsStats(message.current, message.limit)
