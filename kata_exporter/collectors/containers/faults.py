"""What agents are known to send wrongly in a container's statistics, and what is done about it.

Each is a record, which the reading asks and docs/metrics.md lists. Where a value is withheld
because it is always 0, any other value is published: whoever sends one has read it after all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kata_exporter.collectors.containers import records
from kata_exporter.collectors.containers.cgroup import CgroupVersion
from kata_exporter.guest.version import older_than
from kata_exporter.metrics import Metric

_KATA_ISSUES = "https://github.com/kata-containers/kata-containers/issues/"
_CGROUPS_RS = "https://github.com/kata-containers/cgroups-rs/"
_KERNEL = "https://docs.kernel.org/admin-guide/"


class Treatment(StrEnum):
    """What is done about a fault."""

    SCALED = "scaled"
    """The value is brought to its unit."""
    WITHHELD = "withheld where 0"
    """A 0 says nothing and is not published."""
    ABSENT = "absent"
    """The value stands for nothing that could be a number."""
    TAKEN_ELSEWHERE = "taken from where it is right"
    """The answer has it in another place."""


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """Something that agents send wrongly. Records are compared by identity: there is one of each.

    Args:
        what: what they send, and instead of what.
        metrics: which it would make wrong.
        treatment: as `Treatment`.
        link: to the upstream issue, or to the kernel's word where it is the kernel that lacks it.
        cgroup: version of the guest's; None for both.
        before: the release that sends it rightly, none so far where it is None.
    """

    what: str
    metrics: tuple[Metric, ...]
    treatment: Treatment
    link: str
    cgroup: CgroupVersion | None = None
    before: tuple[int, int, int] | None = None

    def holds(self, agent_version: str, cgroup: CgroupVersion) -> bool:
        """Whether an agent of this version has it; one that can't be read counts as the newest."""
        if self.cgroup not in (None, cgroup):
            return False
        return self.before is None or older_than(agent_version, self.before)


CPU_NOT_READ = Fault(
    "CPU time is always 0.",
    (records.CPU_USAGE, records.CPU_USER, records.CPU_SYSTEM),
    Treatment.WITHHELD,
    f"{_KATA_ISSUES}5998",
    CgroupVersion.V2,
    before=(3, 1, 0),
)
CPU_IN_MICROSECONDS = Fault(
    "CPU time is in microseconds, and so 1000 times too small.",
    (records.CPU_USAGE, records.CPU_USER, records.CPU_SYSTEM),
    Treatment.SCALED,
    f"{_KATA_ISSUES}10278",
    CgroupVersion.V2,
    before=(3, 9, 0),
)
THROTTLED_TIME_NOT_READ = Fault(
    "Throttled time is always 0: the agent looks for the name that v1 has for it.",
    (records.CFS_THROTTLED,),
    Treatment.WITHHELD,
    f"{_KATA_ISSUES}13851",
    CgroupVersion.V2,
)
NO_MEMORY_PEAK = Fault(
    "The most memory ever used is 0: agents before 3.18.0 don't read it, kernels before 5.19 don't "
    "have it.",
    (records.MEMORY_MAX_USAGE,),
    Treatment.WITHHELD,
    f"{_CGROUPS_RS}pull/123",
    CgroupVersion.V2,
)
CACHE_NOT_READ = Fault(
    "`memory_stats.cache` is always 0: page cache has another name there.",
    (records.MEMORY_CACHE,),
    Treatment.TAKEN_ELSEWHERE,
    f"{_KERNEL}cgroup-v2.html#memory-interface-files",
    CgroupVersion.V2,
)
NO_MEMORY_FAILURES = Fault(
    "`memory_stats.usage.failcnt` is always 0: the kernel has no such file.",
    (records.MEMORY_FAILCNT,),
    Treatment.WITHHELD,
    f"{_KERNEL}cgroup-v2.html#memory-interface-files",
    CgroupVersion.V2,
)
NO_MEMORY_LIMIT = Fault(
    "No limit is 18446744073709551615 (v2) or 9223372036854771712 (v1).",
    (records.MEMORY_LIMIT,),
    Treatment.ABSENT,
    f"{_KERNEL}cgroup-v1/memory.html",
)
NO_TASK_LIMIT = Fault(
    "No limit of tasks is 0.",
    (records.THREADS_MAX,),
    Treatment.ABSENT,
    f"{_KERNEL}cgroup-v1/pids.html",
)
BLOCK_IO_NOT_READ = Fault(
    "Block io is always 0: a colon is looked for where the kernel has an equals sign.",
    (
        records.FS_READ_BYTES,
        records.FS_READS,
        records.FS_WRITTEN_BYTES,
        records.FS_WRITES,
        records.BLKIO_USAGE,
    ),
    Treatment.WITHHELD,
    f"{_CGROUPS_RS}issues/57",
    CgroupVersion.V2,
)
OPERATIONS_AMONG_BYTES = Fault(
    "Requests stand among the bytes, as operations `rios` and `wios`, and the list of requests is "
    "empty.",
    (records.FS_READS, records.FS_WRITES),
    Treatment.TAKEN_ELSEWHERE,
    f"{_KERNEL}cgroup-v2.html#io-interface-files",
    CgroupVersion.V2,
)
NO_HUGE_PAGE_PEAK = Fault(
    "The most huge pages ever used are always 0: the kernel has no such file.",
    (records.HUGETLB_MAX_USAGE,),
    Treatment.WITHHELD,
    f"{_KERNEL}cgroup-v2.html#hugetlb-interface-files",
    CgroupVersion.V2,
)

FAULTS: tuple[Fault, ...] = (
    CPU_NOT_READ,
    CPU_IN_MICROSECONDS,
    THROTTLED_TIME_NOT_READ,
    NO_MEMORY_PEAK,
    CACHE_NOT_READ,
    NO_MEMORY_FAILURES,
    NO_MEMORY_LIMIT,
    NO_TASK_LIMIT,
    BLOCK_IO_NOT_READ,
    OPERATIONS_AMONG_BYTES,
    NO_HUGE_PAGE_PEAK,
)


def faults_of(agent_version: str, cgroup: CgroupVersion) -> frozenset[Fault]:
    """Return what an agent of this version sends wrongly in a guest with this cgroup version."""
    return frozenset(_holding(agent_version, cgroup))


def _holding(agent_version: str, cgroup: CgroupVersion) -> Iterator[Fault]:
    return (fault for fault in FAULTS if fault.holds(agent_version, cgroup))
