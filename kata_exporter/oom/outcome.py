"""Closed sets of OOM accounting: sources, and what becomes of what they tell."""

from enum import StrEnum


class OomSource(StrEnum):
    """Who tells of OOMs; the values of the label ``source``."""

    CONTAINERD = "containerd"
    """Events ``/tasks/oom``: no more than one a start on cgroup v2."""
    CRI = "cri"
    """The reason OOMKilled of a container that has exited."""
    CRIO = "crio"
    """The file ``oom`` in the container's bundle, which Kata's shim makes for CRI-O."""
    VMSTAT = "vmstat"
    """The guest kernel's count, which names no container."""
    AGENT = "agent"
    """GetOOMEvent, which takes the event away from whoever else waits."""


NAMES_CONTAINERS = frozenset({OomSource.CONTAINERD, OomSource.CRI, OomSource.CRIO, OomSource.AGENT})
"""Sources by which a container's counter of events can be 0."""


class Outcome(StrEnum):
    """What became of something that a source told."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    """It was told before, maybe by another source."""
    BEFORE_START = "before_start"
    """It is older than this process: it only sets where the counter begins."""
    UNATTRIBUTED = "unattributed"
    """It names a sandbox and no container."""
    UNKNOWN = "unknown"
    """It names a container of no sandbox here: most often one of another pod."""
    PASSED_OVER = "passed_over"
    """It names a container that has no series: its sandbox has had too many names of containers."""
    REJECTED = "rejected"
    """An agent named a container that isn't its own."""


class RejectedReading(StrEnum):
    """Why a guest's count of kills isn't believed; reasons of ``kata_exporter_rejected_total``."""

    FELL = "oom_kills_fell"
    """It is less than it was, in one life of the guest."""
    LEAPT = "oom_kills_leapt"
    """It grew as no kernel can kill."""
