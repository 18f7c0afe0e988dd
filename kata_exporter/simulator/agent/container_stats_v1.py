"""What StatsContainer says of a container on cgroup v1, part by part.

Sources: cpuacct.usage_percpu and cpuacct.stat, cpu.stat, memory.* and blkio.throttle.*.
"""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.guest.containers import ContainerUsage
from kata_exporter.simulator.guest.disk import MAJOR, REQUEST_BYTES
from kata_exporter.simulator.guest.units import NO_LIMIT_V1, PAGE_BYTES, TICKS_PER_SECOND

_NS_PER_US = 1000
_US_PER_TICK = 1_000_000 // TICKS_PER_SECOND
_NEVER_CHARGED = """
    rss_huge shmem swap unevictable workingset_refault_anon workingset_refault_file writeback
""".split()
"""What of memory.stat a container without swap, huge pages and pressure never counts."""


def cpu(usage: ContainerUsage) -> pb.CpuStats:
    """CPU time in nanoseconds; by mode only in whole ticks, as the kernel counts there."""
    return pb.CpuStats(
        cpu_usage=pb.CpuUsage(
            total_usage=sum(usage.percpu_ns),
            percpu_usage=usage.percpu_ns,
            usage_in_kernelmode=_whole_ticks_ns(usage.system_us),
            usage_in_usermode=_whole_ticks_ns(usage.user_us),
        ),
        throttling_data=pb.ThrottlingData(
            periods=usage.periods,
            throttled_periods=usage.throttled_periods,
            throttled_time=usage.throttled_us * _NS_PER_US,
        ),
    )


def memory(usage: ContainerUsage) -> pb.MemoryStats:
    """Memory in bytes; without swap, memory with swap is the same again, limit included."""
    limit = NO_LIMIT_V1 if usage.memory_limit is None else usage.memory_limit
    charged = pb.MemoryData(
        usage=usage.memory.usage * PAGE_BYTES,
        max_usage=usage.memory_peak_pages * PAGE_BYTES,
        # Whoever was killed came up against the limit first.
        failcnt=usage.oom_kills if usage.memory_limit is not None else 0,
        limit=limit,
    )
    return pb.MemoryStats(
        cache=usage.memory.file * PAGE_BYTES,
        usage=charged,
        swap_usage=charged,
        kernel_usage=pb.MemoryData(
            usage=usage.memory.kernel * PAGE_BYTES,
            max_usage=usage.kernel_peak_pages * PAGE_BYTES,
            limit=NO_LIMIT_V1,
        ),
        use_hierarchy=True,
        stats=_memory_stat(usage, limit),
    )


def block_io(usage: ContainerUsage) -> pb.BlkioStats:
    """Bytes and requests of the one disk; reads are synchronous, writes aren't."""
    if not usage.uses_disk:
        return pb.BlkioStats()
    read, written = usage.read_bytes, usage.written_bytes
    return pb.BlkioStats(
        io_service_bytes_recursive=_by_operation(read, written),
        io_serviced_recursive=_by_operation(read // REQUEST_BYTES, written // REQUEST_BYTES),
    )


def _memory_stat(usage: ContainerUsage, limit: int) -> dict[str, int]:
    memory = usage.memory
    pages = {
        "active_anon": memory.active_anon,
        "active_file": memory.active_file,
        "cache": memory.file,
        "dirty": memory.file_dirty,
        "inactive_anon": memory.inactive_anon,
        "inactive_file": memory.inactive_file,
        "mapped_file": memory.file_mapped,
        "rss": memory.anon,
    }
    events = {
        "pgfault": usage.page_faults,
        "pgmajfault": usage.major_page_faults,
        "pgpgin": usage.charged_pages,
        "pgpgout": usage.uncharged_pages,
    }
    own = (
        dict.fromkeys(_NEVER_CHARGED, 0)
        | {key: count * PAGE_BYTES for key, count in pages.items()}
        | events
    )
    # A container's cgroup has nothing below it, so that the totals are its own.
    totals = {f"total_{key}": value for key, value in own.items()}
    return own | totals | {"hierarchical_memory_limit": limit, "hierarchical_memsw_limit": limit}


def _by_operation(read: int, written: int) -> list[pb.BlkioStatsEntry]:
    operations = {
        "read": read,
        "write": written,
        "sync": read,
        "async": written,
        "total": read + written,
    }
    return [
        pb.BlkioStatsEntry(major=MAJOR, op=operation, value=value)
        for operation, value in operations.items()
    ]


def _whole_ticks_ns(time_us: int) -> int:
    return time_us // _US_PER_TICK * _US_PER_TICK * _NS_PER_US
