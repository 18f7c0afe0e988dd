"""Kills for want of memory in a simulated guest: whom they hit, and which of them make an event."""

from enum import StrEnum

from kata_exporter.simulator.agent.versions import Feature, Release
from kata_exporter.simulator.guest.cgroups import CgroupVersion


class Victim(StrEnum):
    """What the guest's kernel kills in a container."""

    PROCESS = "process"
    """A process beside its init: the container goes on."""
    INIT = "init"
    """Its first process, and all others with it: the container exits."""


def makes_event(kills: int, cgroup: CgroupVersion, release: Release) -> bool:
    """Whether the agent's watcher of a container sends an event for a kill.

    On v2 it sends one for the first kill, and ends. On v1 it wakes just before each kill, and looks
    how many there were: none, the first time, so it goes back to sleep. (In 1 of 11 runs of a real
    agent the kernel was quicker; here it never is, so that a test can rely on it.) Agents that
    don't look send one for each.

    Args:
        kills: in the container since its start, this one included.
        cgroup: version of the guest's cgroups.
        release: of the agent.
    """
    if cgroup is CgroupVersion.V2:
        return kills == 1
    return kills > 1 or not release.has(Feature.OOM_CHECKED_ON_V1)
