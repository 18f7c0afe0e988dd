"""What agents send and no metric is made of, and why: the one list of it.

Each family takes its own part from here, so that what stands here is neither published nor counted
as rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kata_exporter.guest.family import ITEM


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Members of a family that are left out for one reason.

    Args:
        family: its name in the guest's text.
        reason: why, in words for users.
        values: of the label; none for a family that is left out whole.
        label: which of the family's labels tells its members apart.
    """

    family: str
    reason: str
    values: frozenset[str] = frozenset()
    label: str = ITEM


_SUM = "the sum of the other CPUs"
_NOT_ON_64_BIT = "no 64-bit kernel has it; agents send 0"
_OF_OLD_KERNELS = "kernels of today don't have it, or always say 0; agents send 0"
_SAME_AS_TOTAL_TIME = "its share of kata_agent_total_time, in ticks"
_SAME_AS_TOTAL = "the same as a kata_agent_total_* family, from another file of the kernel"
_PARTS_OF_THE_AGENT = "a part of the agent's memory that tells nothing of the guest"
_CHILDREN = (
    "CPU time of processes that the agent has reaped, which their containers' own counters have"
)
_LIBRARYS_TWIN = "the same as a kata_agent_total_* family, from the agent's library"

LEFT_OUT: tuple[LeftOut, ...] = (
    LeftOut("kata_guest_cpu_time", _SUM, frozenset({"total"}), label="cpu"),
    LeftOut(
        "kata_guest_meminfo",
        _NOT_ON_64_BIT,
        frozenset(
            {"direct_map_4M", "high_free", "high_total", "low_free", "low_total", "mmap_copy"}
        ),
    ),
    LeftOut(
        "kata_guest_meminfo",
        _OF_OLD_KERNELS,
        frozenset({"nfs_unstable", "quicklists", "vmalloc_chunk"}),
    ),
    LeftOut("kata_agent_proc_status", _SAME_AS_TOTAL, frozenset({"vmrss", "vmsize"})),
    LeftOut(
        "kata_agent_proc_status",
        _PARTS_OF_THE_AGENT,
        frozenset(
            {
                "hugetlbpages",
                "rssfile",
                "rssshmem",
                "vmdata",
                "vmexe",
                "vmlck",
                "vmlib",
                "vmpeak",
                "vmpin",
                "vmpte",
                "vmstk",
            }
        ),
    ),
    LeftOut("kata_agent_proc_stat", _SAME_AS_TOTAL_TIME, frozenset({"utime", "stime"})),
    LeftOut("kata_agent_proc_stat", _CHILDREN, frozenset({"cutime", "cstime"})),
    LeftOut("process_cpu_seconds_total", _LIBRARYS_TWIN),
    LeftOut("process_resident_memory_bytes", _LIBRARYS_TWIN),
    LeftOut("process_virtual_memory_bytes", _LIBRARYS_TWIN),
)
"""Further fields of /proc/vmstat are left out by their shape, since each kernel has others."""


def left_out(family: str, label: str = ITEM) -> frozenset[str]:
    """Return the values of a family's label that are left out."""
    parts = (part.values for part in LEFT_OUT if (part.family, part.label) == (family, label))
    return frozenset().union(*parts)


def reasons() -> Mapping[tuple[str, str, str], str]:
    """Return why each is left out, by family, label and value; both are "" for a whole family."""
    found = {}
    for part in LEFT_OUT:
        for value in part.values or ("",):
            found[part.family, part.label if value else "", value] = part.reason
    return found
