"""The answer of StatsContainer, as kata-agent gives it, faults included.

On cgroup v2 its block io entries are there and all 0 (it looks for a colon where the kernel has an
equals sign), throttled time is never read, and there is no list per CPU: an exporter has to know
that, so the simulator says it as the agent does.
"""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.agent import container_stats_v1
from kata_exporter.simulator.agent.versions import NEWEST, Feature, Release
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.simulator.guest.containers import ContainerUsage
from kata_exporter.simulator.guest.disk import MAJOR
from kata_exporter.simulator.guest.units import NO_LIMIT, PAGE_BYTES

_NS_PER_US = 1000
_IO_OPERATIONS = ("read", "write", "rios", "wios", "dbytes", "dios")
_HUGE_PAGE_SIZES = ("2MB", "1GB")

_ALWAYS_ZERO = """
    anon_thp file_thp file_writeback percpu pgdeactivate pglazyfree pglazyfreed pgrefill pgscan
    pgscan_direct pgscan_kswapd pgsteal pgsteal_direct pgsteal_kswapd sec_pagetables shmem shmem_thp
    sock swapcached thp_collapse_alloc thp_fault_alloc unevictable vmalloc workingset_activate_anon
    workingset_activate_file workingset_nodereclaim workingset_refault_anon workingset_refault_file
    workingset_restore_anon workingset_restore_file zswap zswapped zswpin zswpout
""".split()
"""What of memory.stat a container without swap, huge pages and pressure never counts."""


def stats_response(
    usage: ContainerUsage,
    *,
    cgroup: CgroupVersion = CgroupVersion.V2,
    release: Release = NEWEST,
) -> pb.StatsContainerResponse:
    """Return what the agent says of a container.

    Args:
        usage: what the container's cgroup shows.
        cgroup: its version.
        release: of the agent.
    """
    if cgroup is CgroupVersion.V1:
        cpu = container_stats_v1.cpu(usage)
        memory = container_stats_v1.memory(usage)
        blkio = container_stats_v1.block_io(usage)
    else:
        cpu, memory, blkio = _cpu(usage, release), _memory(usage, release), _blkio(usage)
    return pb.StatsContainerResponse(
        cgroup_stats=pb.CgroupStats(
            cpu_stats=cpu,
            memory_stats=memory,
            pids_stats=pb.PidsStats(current=usage.pids),
            blkio_stats=blkio,
            hugetlb_stats={size: pb.HugetlbStats() for size in _HUGE_PAGE_SIZES},
        )
    )


def _cpu(usage: ContainerUsage, release: Release) -> pb.CpuStats:
    unit = 0
    if release.has(Feature.CPU_ON_V2):
        unit = _NS_PER_US if release.has(Feature.CPU_IN_NANOSECONDS_ON_V2) else 1
    return pb.CpuStats(
        cpu_usage=pb.CpuUsage(
            total_usage=usage.cpu_us * unit,
            usage_in_kernelmode=usage.system_us * unit,
            usage_in_usermode=usage.user_us * unit,
        ),
        throttling_data=pb.ThrottlingData(
            periods=usage.periods, throttled_periods=usage.throttled_periods
        ),
    )


def _memory(usage: ContainerUsage, release: Release) -> pb.MemoryStats:
    limit = NO_LIMIT if usage.memory_limit is None else usage.memory_limit
    peak_pages = usage.memory_peak_pages if release.has(Feature.MEMORY_PEAK_ON_V2) else 0
    return pb.MemoryStats(
        usage=pb.MemoryData(
            usage=usage.memory.usage * PAGE_BYTES, max_usage=peak_pages * PAGE_BYTES, limit=limit
        ),
        # Where memory is limited, the runtime limits swap to the same.
        swap_usage=pb.MemoryData(limit=usage.memory_limit or 0),
        kernel_usage=pb.MemoryData(limit=NO_LIMIT),
        stats=_memory_stat(usage),
    )


def _memory_stat(usage: ContainerUsage) -> dict[str, int]:
    memory = usage.memory
    pages = {
        "active_anon": memory.active_anon,
        "active_file": memory.active_file,
        "anon": memory.anon,
        "file": memory.file,
        "file_dirty": memory.file_dirty,
        "file_mapped": memory.file_mapped,
        "inactive_anon": memory.inactive_anon,
        "inactive_file": memory.inactive_file,
        "kernel": memory.kernel,
        "kernel_stack": memory.kernel_stack,
        "pagetables": memory.page_tables,
        "slab": memory.slab_reclaimable + memory.slab_unreclaimable,
        "slab_reclaimable": memory.slab_reclaimable,
        "slab_unreclaimable": memory.slab_unreclaimable,
    }
    events = {
        "pgactivate": usage.page_faults // 60,
        "pgfault": usage.page_faults,
        "pgmajfault": usage.major_page_faults,
    }
    return (
        dict.fromkeys(_ALWAYS_ZERO, 0)
        | {key: count * PAGE_BYTES for key, count in pages.items()}
        | events
    )


def _blkio(usage: ContainerUsage) -> pb.BlkioStats:
    if not usage.uses_disk:
        return pb.BlkioStats()
    return pb.BlkioStats(
        io_service_bytes_recursive=(
            pb.BlkioStatsEntry(major=MAJOR, op=operation) for operation in _IO_OPERATIONS
        )
    )
