"""Metric records of a container's statistics: cAdvisor's names with the prefix swapped.

``kata_container_cpu_percpu_usage_seconds_total`` is the one name that cAdvisor lacks: there the CPUs
are a label of the usage itself, which then has other labels on cgroup v1 than on v2.
"""

from kata_exporter.metrics import Metric, MetricType, Scope


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


def _block_io(
    name: str, what: str, raw: str, *, unit: str = "", labels: tuple[str, ...] = ("device",)
) -> Metric:
    raw = f"blkio_stats.{raw}"
    return _metric(name, MetricType.COUNTER, what, raw, unit=unit, labels=labels)


def _huge_pages(name: str, type_: MetricType, what: str, raw: str, *, unit: str = "") -> Metric:
    raw = f"hugetlb_stats.{raw}"
    return _metric(f"hugetlb_{name}", type_, what, raw, unit=unit, labels=("pagesize",))


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
    "Seconds that a container had to wait for its CPU quota; agents so far read it on cgroup v1 only",
    "throttling_data.throttled_time",
)
CPU_PER_CPU = _metric(
    "cpu_percpu_usage_seconds_total",
    MetricType.COUNTER,
    "Seconds of CPU that a container used on each CPU of the guest, without those that it never "
    "used; cgroup v1 only",
    "cpu_stats.cpu_usage.percpu_usage",
    unit="seconds",
    labels=("cpu",),
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

FS_READ_BYTES = _block_io(
    "fs_reads_bytes_total",
    "Bytes that a container read from a block device of the guest",
    "io_service_bytes_recursive op read",
    unit="bytes",
)
FS_READS = _block_io(
    "fs_reads_total",
    "Reads of a container from a block device of the guest",
    "io_serviced_recursive op read (v1), io_service_bytes_recursive op rios (v2)",
)
FS_WRITTEN_BYTES = _block_io(
    "fs_writes_bytes_total",
    "Bytes that a container wrote to a block device of the guest",
    "io_service_bytes_recursive op write",
    unit="bytes",
)
FS_WRITES = _block_io(
    "fs_writes_total",
    "Writes of a container to a block device of the guest",
    "io_serviced_recursive op write (v1), io_service_bytes_recursive op wios (v2)",
)
BLKIO_USAGE = _block_io(
    "blkio_device_usage_total",
    "Bytes that a container moved on a block device of the guest, by operation; v1's sync, async "
    "and total are left out, as a sum would count them again",
    "io_service_bytes_recursive op read, write, dbytes (v2)",
    unit="bytes",
    labels=("device", "operation"),
)
HUGETLB_USAGE = _huge_pages(
    "usage_bytes", MetricType.GAUGE, "Huge pages of a container", "usage", unit="bytes"
)
HUGETLB_MAX_USAGE = _huge_pages(
    "max_usage_bytes",
    MetricType.GAUGE,
    "Most huge pages that a container ever had; cgroup v1 only",
    "max_usage",
    unit="bytes",
)
HUGETLB_FAILCNT = _huge_pages(
    "failcnt",
    MetricType.UNTYPED,
    "Times that a container came up against its limit of huge pages",
    "failcnt",
)

CONTAINER_METRICS: tuple[Metric, ...] = (
    CPU_USAGE,
    CPU_USER,
    CPU_SYSTEM,
    CFS_PERIODS,
    CFS_THROTTLED_PERIODS,
    CFS_THROTTLED,
    CPU_PER_CPU,
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
    FS_READ_BYTES,
    FS_READS,
    FS_WRITTEN_BYTES,
    FS_WRITES,
    BLKIO_USAGE,
    HUGETLB_USAGE,
    HUGETLB_MAX_USAGE,
    HUGETLB_FAILCNT,
)
"""Every metric that a container's statistics can become, in the order in which they are published."""
