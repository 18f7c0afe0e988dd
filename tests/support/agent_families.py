"""What agents from 2.0.0 to 4.1.0 send, as the agent's source has it (``src/agent/src/metrics.rs``).

By hand, so that it shows what our schema lacks. Fields of /proc/vmstat are the kernel's; those here
are what every kernel of Kata has.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sent:
    """A family, the agents that have it, and its members."""

    items: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    """Its other labels, each with a value."""
    since: str = "2.0.0"
    until: str | None = None
    """The first release without it."""

    def heads(self, family: str) -> list[str]:
        """Return what stands before the numbers."""
        pairs = [f'{key}="{value}"' for key, value in self.labels.items()]
        if not self.items:
            return [family]
        return [f"{family}{{{','.join([*pairs, _pair(item)])}}}" for item in self.items]


def _pair(item: str) -> str:
    return f'item="{item}"'


_CPU_ITEMS = tuple("user nice system idle iowait irq softirq steal guest guest_nice".split())
_VOLUME = {"mount": "/", "device": "vda1"}

AGENT_FAMILIES: dict[str, Sent] = {
    "kata_agent_scrape_count": Sent(),
    "kata_agent_threads": Sent(since="3.1.0"),
    "kata_agent_total_time": Sent(),
    "kata_agent_total_vm": Sent(),
    "kata_agent_total_rss": Sent(),
    "kata_agent_proc_status": Sent(
        tuple(
            """
            vmpeak vmsize vmlck vmpin vmhwm vmrss rssanon rssfile rssshmem vmdata vmstk vmexe vmlib
            vmpte vmswap hugetlbpages voluntary_ctxt_switches nonvoluntary_ctxt_switches
            """.split()
        )
    ),
    "kata_agent_io_stat": Sent(
        tuple("rchar wchar syscr syscw read_bytes write_bytes cancelled_write_bytes".split())
    ),
    "kata_agent_proc_stat": Sent(("utime", "stime", "cutime", "cstime")),
    "kata_guest_load": Sent(("load1", "load5", "load15")),
    "kata_guest_tasks": Sent(("cur", "max")),
    "kata_guest_cpu_time": Sent(_CPU_ITEMS, {"cpu": "0"}),
    "kata_guest_vm_stat": Sent(
        tuple("nr_free_pages pgpgin pgpgout pswpin pswpout pgfault pgmajfault oom_kill".split())
    ),
    "kata_guest_netdev_stat": Sent(
        tuple(
            """
            recv_bytes recv_packets recv_errs recv_drop recv_fifo recv_frame recv_compressed
            recv_multicast sent_bytes sent_packets sent_errs sent_drop sent_fifo sent_colls
            sent_carrier sent_compressed
            """.split()
        ),
        {"interface": "eth0"},
    ),
    "kata_guest_diskstat": Sent(
        tuple(
            """
            reads merged sectors_read time_reading writes writes_merged sectors_written
            time_writing in_progress time_in_progress weighted_time_in_progress discards
            discards_merged sectors_discarded time_discarding flushes time_flushing
            """.split()
        ),
        {"disk": "vda"},
    ),
    "kata_guest_meminfo": Sent(
        tuple(
            """
            mem_total mem_free mem_available buffers cached swap_cached active inactive active_anon
            inactive_anon active_file inactive_file unevictable mlocked high_total high_free
            low_total low_free mmap_copy swap_total swap_free dirty writeback anon_pages mapped
            shmem slab s_reclaimable s_unreclaim kernel_stack page_tables quicklists nfs_unstable
            bounce writeback_tmp commit_limit committed_as vmalloc_total vmalloc_used vmalloc_chunk
            hardware_corrupted anon_hugepages shmem_hugepages shmem_pmd_mapped cma_total cma_free
            hugepages_total hugepages_free hugepages_rsvd hugepages_surp hugepagesize direct_map_4k
            direct_map_4M direct_map_2M direct_map_1G hugetlb per_cpu k_reclaimable
            """.split()
        )
    ),
    "kata_guest_filesystem_bytes": Sent(("total", "available", "used"), _VOLUME, since="3.32.0"),
    "kata_guest_filesystem_inodes": Sent(("total", "available", "used"), _VOLUME, since="3.32.0"),
    "process_cpu_seconds_total": Sent(until="3.1.0"),
    "process_max_fds": Sent(until="3.1.0"),
    "process_open_fds": Sent(until="3.1.0"),
    "process_resident_memory_bytes": Sent(until="3.1.0"),
    "process_start_time_seconds": Sent(until="3.1.0"),
    "process_threads": Sent(since="2.4.0", until="3.1.0"),
    "process_virtual_memory_bytes": Sent(until="3.1.0"),
}


def heads(version: str) -> list[str]:
    """Return all that an agent of this version sends, without the numbers."""
    return [
        head
        for family, sent in AGENT_FAMILIES.items()
        if _order(sent.since) <= _order(version)
        and (sent.until is None or _order(version) < _order(sent.until))
        for head in sent.heads(family)
    ]


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
