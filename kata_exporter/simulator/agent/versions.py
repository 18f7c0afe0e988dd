"""What agents did differently over their releases, from 2.0.0 to 4.1.0: the one table of it.

Read in the agent's own history: ``src/agent/src/metrics.rs``, ``src/agent/rustjail/src/cgroups``,
``agent.proto``, and the versions of ttrpc-rust, cgroups-rs and rust-prometheus it was built with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A release of the agent."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> "Release":
        """Read a release as the agent writes its own.

        Raises:
            ValueError: it isn't one from `OLDEST` to `NEWEST`; the text says so.
        """
        match = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})", text)
        release = cls(*map(int, match.groups())) if match else None
        if release is None or not OLDEST <= release <= NEWEST:
            raise ValueError(
                f"no agent version {text!r} to simulate: give one from {OLDEST} to {NEWEST}"
            )
        return release

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def has(self, feature: "Feature") -> bool:
        """Whether agents of this release do it."""
        return self in FEATURES[feature]

    def serves(self, method: str) -> bool:
        """Whether this release's ``grpc.AgentService`` has a method of this name."""
        return method in _METHODS and self in _METHODS[method]


OLDEST = Release(2, 0)
NEWEST = Release(4, 1)


@dataclass(frozen=True, slots=True)
class Span:
    """The releases from `since` on, before `until`."""

    since: Release = OLDEST
    until: Release | None = None

    def __contains__(self, release: Release) -> bool:
        return self.since <= release and (self.until is None or release < self.until)


class Feature(StrEnum):
    """Something that not all releases do."""

    CPU_TIME_IN_MILLISECONDS = "cpu-time-in-milliseconds"
    """``kata_guest_cpu_time``; in ticks of 10 ms before."""
    FILESYSTEMS = "filesystems"
    """``kata_guest_filesystem_bytes`` and ``_inodes``."""
    PROCESS_FAMILIES = "process-families"
    """``process_*`` of the agent, which its library registered unasked."""
    PROCESS_THREADS = "process-threads"
    """One more of those."""
    AGENT_THREADS = "agent-threads"
    """``kata_agent_threads`` is there."""
    AGENT_THREADS_COUNTED = "agent-threads-counted"
    """And isn't always 0."""
    CPU_ON_V2 = "cpu-on-v2"
    """A container's CPU time on cgroup v2; all 0 before."""
    CPU_IN_NANOSECONDS_ON_V2 = "cpu-in-nanoseconds-on-v2"
    """In microseconds before."""
    MEMORY_PEAK_ON_V2 = "memory-peak-on-v2"
    """A container's maximum memory on cgroup v2; 0 before."""
    OOM_CHECKED_ON_V1 = "oom-checked-on-v1"
    """A watcher on cgroup v1 looks whether anything was killed, and comes too early the first time."""
    OOM_WAITERS_APART = "oom-waiters-apart"
    """A second GetOOMEvent waits without holding up all else that concerns the sandbox."""
    UNKNOWN_IS_UNIMPLEMENTED = "unknown-is-unimplemented"
    """An unknown method gets UNIMPLEMENTED; INVALID_ARGUMENT before."""
    QUOTED_ERRORS = "quoted-errors"
    """Texts of errors stand in quotes."""


FEATURES: Mapping[Feature, Span] = {
    Feature.CPU_TIME_IN_MILLISECONDS: Span(Release(2, 5)),
    Feature.FILESYSTEMS: Span(Release(3, 32)),
    Feature.PROCESS_FAMILIES: Span(until=Release(3, 1)),
    Feature.PROCESS_THREADS: Span(Release(2, 4), until=Release(3, 1)),
    Feature.AGENT_THREADS: Span(Release(3, 1)),
    Feature.AGENT_THREADS_COUNTED: Span(Release(3, 3)),
    Feature.CPU_ON_V2: Span(Release(3, 1)),
    Feature.CPU_IN_NANOSECONDS_ON_V2: Span(Release(3, 9)),
    Feature.MEMORY_PEAK_ON_V2: Span(Release(3, 18)),
    Feature.OOM_CHECKED_ON_V1: Span(Release(3, 3)),
    Feature.OOM_WAITERS_APART: Span(Release(3, 32)),
    Feature.UNKNOWN_IS_UNIMPLEMENTED: Span(Release(3, 2)),
    Feature.QUOTED_ERRORS: Span(Release(3, 3)),
}

_ALWAYS = """
    AddARPNeighbors CloseStdin CopyFile CreateContainer CreateSandbox DestroySandbox ExecProcess
    GetGuestDetails GetMetrics GetOOMEvent ListInterfaces ListRoutes MemHotplugByProbe OnlineCPUMem
    PauseContainer ReadStderr ReadStdout RemoveContainer ReseedRandomDev ResumeContainer
    SetGuestDateTime SignalProcess StartContainer StatsContainer TtyWinResize UpdateContainer
    UpdateInterface UpdateRoutes WaitProcess WriteStdin
""".split()
_METHODS: Mapping[str, Span] = dict.fromkeys(_ALWAYS, Span()) | {
    "ListProcesses": Span(until=Release(2, 1)),
    "StartTracing": Span(until=Release(2, 4)),
    "StopTracing": Span(until=Release(2, 4)),
    "AddSwap": Span(Release(2, 2)),
    "GetVolumeStats": Span(Release(2, 4)),
    "ResizeVolume": Span(Release(2, 4)),
    "GetIPTables": Span(Release(2, 5)),
    "SetIPTables": Span(Release(2, 5)),
    "RemoveStaleVirtiofsShareMounts": Span(Release(3, 2)),
    "UpdateEphemeralMounts": Span(Release(3, 2)),
    "SetPolicy": Span(Release(3, 3)),
    "MemAgentCompactSet": Span(Release(3, 13)),
    "MemAgentMemcgSet": Span(Release(3, 13)),
    "AddSwapPath": Span(Release(3, 15)),
    "GetDiagnosticData": Span(Release(3, 29)),
}
"""Methods of ``grpc.AgentService`` in the releases' ``agent.proto``."""
