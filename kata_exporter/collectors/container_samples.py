"""From a container's statistics to chunks, under cAdvisor's names with the prefix swapped.

What the guest lacks is absent, and so is what an agent is known to send wrongly. The cgroup
version is the guest's, not the host's. Values are integers until they are text.
"""

from collections.abc import Iterator, Mapping

from kata_exporter.agent.types import ContainerStats, CpuStats, MemoryStats, MemoryUsage, PidsStats
from kata_exporter.guest.numbers import decimal_shift
from kata_exporter.guest.version import older_than
from kata_exporter.metrics import (
    Chunk,
    Metric,
    MetricType,
    Scope,
    Shape,
    label_pairs,
    sample_prefix,
)

_NANOSECONDS_ON_V2_SINCE = (3, 9, 0)
_UNLIMITED = 1 << 60
"""A limit from here on is none: 2^64-1 on cgroup v2, 2^63 less a page on v1."""

_Samples = Iterator[tuple[Metric, tuple[str, ...]]]


def _metric(
    name: str,
    type_: MetricType,
    what: str,
    raw: str,
    *,
    unit: str = "",
    labels: tuple[str, ...] = (),
) -> Metric:
    return Metric(
        name=f"kata_container_{name}",
        help=f"{what} (agent: {raw}).",
        type=type_,
        scope=Scope.CONTAINER,
        labels=labels,
        unit=unit,
        source=f"StatsContainer: {raw}",
    )


def _seconds(name: str, what: str, raw: str) -> Metric:
    name = f"cpu_{name}_seconds_total"
    return _metric(name, MetricType.COUNTER, what, f"cpu_stats.{raw}", unit="seconds")


def _bytes(name: str, what: str, raw: str) -> Metric:
    return _metric(name, MetricType.GAUGE, what, f"memory_stats.{raw}", unit="bytes")


CPU_USAGE = _seconds("usage", "Seconds of CPU that a container used", "cpu_usage.total_usage")
CPU_USER = _seconds(
    "user", "Seconds of CPU that a container used in user mode", "cpu_usage.usage_in_usermode"
)
CPU_SYSTEM = _seconds(
    "system", "Seconds of CPU that a container used in the kernel", "cpu_usage.usage_in_kernelmode"
)
CFS_PERIODS = _metric(
    "cpu_cfs_periods_total",
    MetricType.COUNTER,
    "Periods of a container's CPU quota that have passed",
    "cpu_stats.throttling_data.periods",
)
CFS_THROTTLED_PERIODS = _metric(
    "cpu_cfs_throttled_periods_total",
    MetricType.COUNTER,
    "Periods in which a container used up its CPU quota and had to wait",
    "cpu_stats.throttling_data.throttled_periods",
)
CFS_THROTTLED = _seconds(
    "cfs_throttled",
    "Seconds that a container had to wait for its CPU quota; cgroup v1 only, as agents don't read it on v2",
    "throttling_data.throttled_time",
)
MEMORY_USAGE = _bytes(
    "memory_usage_bytes", "Memory of a container, page cache included", "usage.usage"
)
MEMORY_MAX_USAGE = _bytes(
    "memory_max_usage_bytes", "Most memory that a container ever had", "usage.max_usage"
)
MEMORY_WORKING_SET = _bytes(
    "memory_working_set_bytes",
    "Memory of a container without page cache that is not in use",
    "usage.usage less stats inactive_file (v2) or total_inactive_file (v1)",
)
MEMORY_RSS = _bytes(
    "memory_rss", "Anonymous memory of a container", "stats anon (v2), total_rss or rss (v1)"
)
MEMORY_CACHE = _bytes(
    "memory_cache", "Page cache of a container", "stats file (v2), total_cache or cache (v1)"
)
MEMORY_MAPPED_FILE = _bytes(
    "memory_mapped_file",
    "Files that a container has mapped",
    "stats file_mapped (v2), total_mapped_file or mapped_file (v1)",
)
MEMORY_SWAP = _bytes(
    "memory_swap",
    "Swap space that a container uses",
    "swap_usage.usage (v2), stats total_swap or swap (v1)",
)
MEMORY_LIMIT = _bytes(
    "spec_memory_limit_bytes", "Memory limit of a container; absent: unlimited", "usage.limit"
)
# A counter, but cAdvisor's name has no _total.
MEMORY_FAILCNT = _metric(
    "memory_failcnt",
    MetricType.UNTYPED,
    "Times that a container came up against its memory limit; cgroup v1 only",
    "memory_stats.usage.failcnt",
)
MEMORY_FAILURES = _metric(
    "memory_failures_total",
    MetricType.COUNTER,
    "Page faults of a container",
    "memory_stats.stats pgfault, pgmajfault; v1: with total_ for scope hierarchy",
    labels=("failure_type", "scope"),
)
THREADS = _metric(
    "threads",
    MetricType.GAUGE,
    "Processes and threads in a container",
    "pids_stats.current",
)
THREADS_MAX = _metric(
    "threads_max",
    MetricType.GAUGE,
    "Most processes and threads that a container may have; absent: unlimited",
    "pids_stats.limit",
)

CONTAINER_METRICS: tuple[Metric, ...] = (
    CPU_USAGE,
    CPU_USER,
    CPU_SYSTEM,
    CFS_PERIODS,
    CFS_THROTTLED_PERIODS,
    CFS_THROTTLED,
    MEMORY_USAGE,
    MEMORY_MAX_USAGE,
    MEMORY_WORKING_SET,
    MEMORY_RSS,
    MEMORY_CACHE,
    MEMORY_MAPPED_FILE,
    MEMORY_SWAP,
    MEMORY_LIMIT,
    MEMORY_FAILCNT,
    MEMORY_FAILURES,
    THREADS,
    THREADS_MAX,
)
"""Every metric that a container's statistics can become, in the order in which they are published."""

_OWN_PAIRS: Mapping[Metric, tuple[str, ...]] = {
    MEMORY_FAILURES: tuple(
        label_pairs((("failure_type", failure_type), ("scope", scope)))
        for failure_type in ("pgfault", "pgmajfault")
        for scope in ("container", "hierarchy")
    )
}


class ContainerReader:
    """Reads the statistics of one container, round by round.

    Args:
        identity: labels of the sandbox and the container as ``key="value",...``.
        agent_version: of the agent that answers; an unknown one counts as new.
    """

    def __init__(self, identity: str, agent_version: str) -> None:
        self._identity = identity
        self._microseconds_on_v2 = older_than(agent_version, _NANOSECONDS_ON_V2_SINCE)
        self._shapes: dict[Metric, Shape] = {}

    def read(self, stats: ContainerStats) -> tuple[Chunk, ...]:
        """Return a chunk for each metric that `stats` has, in the order of `CONTAINER_METRICS`."""
        samples = _samples(stats, microseconds_on_v2=self._microseconds_on_v2)
        return tuple([self._shape(metric).chunk(values) for metric, values in samples])

    def _shape(self, metric: Metric) -> Shape:
        shape = self._shapes.get(metric)
        if shape is None:
            own = _OWN_PAIRS.get(metric, ("",))
            prefixes = tuple(sample_prefix(metric.name, self._identity, pairs) for pairs in own)
            self._shapes[metric] = shape = Shape(metric, prefixes)
        return shape


def container_chunks(identity: str, stats: ContainerStats, agent_version: str) -> tuple[Chunk, ...]:
    """Read a single answer; whoever asks again and again keeps a `ContainerReader`."""
    return ContainerReader(identity, agent_version).read(stats)


def _samples(stats: ContainerStats, *, microseconds_on_v2: bool) -> _Samples:
    v2 = _is_cgroup_v2(stats)
    if stats.cpu is not None:
        yield from _cpu(stats.cpu, v2=v2, places=6 if v2 and microseconds_on_v2 else 9)
    if stats.memory is not None:
        yield from _memory(stats.memory, v2=v2)
    if stats.pids is not None:
        yield from _pids(stats.pids)


def _is_cgroup_v2(stats: ContainerStats) -> bool:
    """Tell the guest's cgroup version: v1 counts per CPU, and v2's memory.stat has ``anon``."""
    if stats.cpu is not None and stats.cpu.usage_percpu_ns:
        return False
    return stats.memory is None or "anon" in stats.memory.stat


def _cpu(cpu: CpuStats, *, v2: bool, places: int) -> _Samples:
    yield CPU_USAGE, (decimal_shift(str(cpu.usage_ns), places),)
    yield CPU_USER, (decimal_shift(str(cpu.usage_user_ns), places),)
    yield CPU_SYSTEM, (decimal_shift(str(cpu.usage_kernel_ns), places),)
    if cpu.periods is not None:
        yield CFS_PERIODS, (str(cpu.periods),)
    if cpu.throttled_periods is not None:
        yield CFS_THROTTLED_PERIODS, (str(cpu.throttled_periods),)
    if cpu.throttled_ns is not None and not v2:
        yield CFS_THROTTLED, (decimal_shift(str(cpu.throttled_ns), 9),)


def _memory(memory: MemoryStats, *, v2: bool) -> _Samples:
    inactive = memory.stat.get("inactive_file" if v2 else "total_inactive_file")
    if memory.usage is not None:
        yield from _usage(memory.usage, inactive)
    yield from _parts(memory, v2=v2)
    if memory.usage is not None:
        if 0 < memory.usage.limit_bytes < _UNLIMITED:
            yield MEMORY_LIMIT, (str(memory.usage.limit_bytes),)
        if not v2:
            yield MEMORY_FAILCNT, (str(memory.usage.failures),)
    yield from _failures(memory.stat, v2=v2)


def _usage(usage: MemoryUsage, inactive_bytes: int | None) -> _Samples:
    yield MEMORY_USAGE, (str(usage.usage_bytes),)
    # Kernels before 5.19 have no memory.peak on v2; the agent then sends 0.
    if usage.max_usage_bytes or not usage.usage_bytes:
        yield MEMORY_MAX_USAGE, (str(usage.max_usage_bytes),)
    if inactive_bytes is not None:
        yield MEMORY_WORKING_SET, (str(max(0, usage.usage_bytes - inactive_bytes)),)


def _parts(memory: MemoryStats, *, v2: bool) -> _Samples:
    stat = memory.stat
    prefix = "total_" if memory.use_hierarchy else ""
    swap = memory.swap.usage_bytes if memory.swap is not None else None
    for metric, value in (
        (MEMORY_RSS, stat.get("anon" if v2 else f"{prefix}rss")),
        (MEMORY_CACHE, stat.get("file" if v2 else f"{prefix}cache")),
        (MEMORY_MAPPED_FILE, stat.get("file_mapped" if v2 else f"{prefix}mapped_file")),
        (MEMORY_SWAP, swap if v2 else stat.get(f"{prefix}swap")),
    ):
        if value is not None:
            yield metric, (str(value),)


def _failures(stat: Mapping[str, int], *, v2: bool) -> _Samples:
    # On v2 memory.stat always counts the whole hierarchy; a container's cgroup has nothing below.
    prefix = "" if v2 else "total_"
    keys = ("pgfault", f"{prefix}pgfault", "pgmajfault", f"{prefix}pgmajfault")
    if all(key in stat for key in keys):
        yield MEMORY_FAILURES, tuple(str(stat[key]) for key in keys)


def _pids(pids: PidsStats) -> _Samples:
    yield THREADS, (str(pids.current),)
    if pids.limit:
        yield THREADS_MAX, (str(pids.limit),)
