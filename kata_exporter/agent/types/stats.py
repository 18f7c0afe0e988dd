"""Statistics of a container, as frozen dataclasses. Units are in the names; absent is None."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CpuStats:
    """CPU of a container, in nanoseconds as the agent gives them.

    ``usage_percpu_ns`` is empty on cgroup v2. ``throttled_ns`` is always 0 on v2 (the agent doesn't
    read it). Agents before 3.9.0 on v2 gave microseconds. The throttling fields are None where the
    agent sent no throttling data.
    """

    usage_ns: int
    usage_user_ns: int
    usage_kernel_ns: int
    usage_percpu_ns: tuple[int, ...]
    periods: int | None
    throttled_periods: int | None
    throttled_ns: int | None


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """One counter of a container's memory, in bytes; ``limit_bytes`` as sent, unlimited included."""

    usage_bytes: int
    max_usage_bytes: int
    failures: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Memory of a container; ``stat`` is the kernel's memory.stat, known keys of which are read."""

    cache_bytes: int
    use_hierarchy: bool
    usage: MemoryUsage | None
    swap: MemoryUsage | None
    kernel: MemoryUsage | None
    stat: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PidsStats:
    """Tasks of a container; ``limit`` 0 means none."""

    current: int
    limit: int


@dataclass(frozen=True, slots=True)
class BlkioEntry:
    """One counter of one block device; ``op`` in the words of the cgroup version."""

    major: int
    minor: int
    op: str
    value: int


@dataclass(frozen=True, slots=True)
class HugetlbStats:
    """Huge pages of one size, in bytes."""

    usage_bytes: int
    max_usage_bytes: int
    failures: int


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """Answer of ``grpc.AgentService/StatsContainer``; None where the guest lacks a controller."""

    cpu: CpuStats | None = None
    memory: MemoryStats | None = None
    pids: PidsStats | None = None
    io_service_bytes: tuple[BlkioEntry, ...] = ()
    io_serviced: tuple[BlkioEntry, ...] = ()
    hugetlb: Mapping[str, HugetlbStats] | None = None
