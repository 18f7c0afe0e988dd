"""Which cgroup version a container's statistics come from: the guest's, not the host's."""

from enum import IntEnum

from kata_exporter.agent.types import ContainerStats


class CgroupVersion(IntEnum):
    """Versions of the kernel's control groups."""

    V1 = 1
    V2 = 2


def cgroup_version(stats: ContainerStats) -> CgroupVersion:
    """Tell the guest's cgroup version: v1 counts per CPU, and v2's memory.stat has ``anon``."""
    if stats.cpu is not None and stats.cpu.usage_percpu_ns:
        return CgroupVersion.V1
    v2 = stats.memory is None or "anon" in stats.memory.stat
    return CgroupVersion.V2 if v2 else CgroupVersion.V1
