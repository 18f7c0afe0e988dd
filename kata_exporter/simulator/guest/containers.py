"""A container of a simulated guest: what its cgroup counts, of either version."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import exp, inf, tau
from random import Random

from kata_exporter.simulator.guest.units import MIB, PAGE_BYTES, SECTOR_BYTES, part
from kata_exporter.simulator.guest.wave import Wave

_PERIODS_PER_SECOND = 10.0
"""CFS periods of 100 ms."""
_BUSY_PERIODS = 0.7
"""The share of periods in which a container has something to run."""
_THROTTLED_US = 46_000
"""How long a container waits, in a period in which it is throttled."""
_KERNEL_SHARE = 0.12
"""Of a container's memory, what the kernel uses on its behalf."""


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """Memory of a container in pages; the parts add up to `usage`.

    Names as in the kernel's memory.stat. There is no shared memory and no swap.
    """

    active_anon: int
    inactive_anon: int
    active_file: int
    inactive_file: int
    file_dirty: int
    file_mapped: int
    kernel_stack: int
    page_tables: int
    slab_reclaimable: int
    slab_unreclaimable: int

    @property
    def anon(self) -> int:
        """Pages of processes."""
        return self.active_anon + self.inactive_anon

    @property
    def file(self) -> int:
        """Pages of the page cache."""
        return self.active_file + self.inactive_file

    @property
    def kernel(self) -> int:
        """Pages of the kernel that are charged to the container."""
        return (
            self.kernel_stack + self.page_tables + self.slab_reclaimable + self.slab_unreclaimable
        )

    @property
    def usage(self) -> int:
        """All that is charged, as memory.current."""
        return self.anon + self.file + self.kernel


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """What the cgroup of a container shows at one instant.

    CPU is in microseconds, as in cpu.stat of v2, and by processor in nanoseconds, as in
    cpuacct.usage_percpu of v1. `memory_limit` is in bytes, None without a limit. What was charged
    less what was uncharged is what v1 calls rss and cache, to within a page or two.
    """

    id: str
    user_us: int
    system_us: int
    periods: int
    throttled_periods: int
    throttled_us: int
    percpu_ns: tuple[int, ...]
    memory: ContainerMemory
    memory_peak_pages: int
    kernel_peak_pages: int
    memory_limit: int | None
    oom_kills: int
    pids: int
    page_faults: int
    major_page_faults: int
    charged_pages: int
    uncharged_pages: int
    uses_disk: bool
    read_bytes: int
    written_bytes: int

    @property
    def cpu_us(self) -> int:
        """CPU time over both modes."""
        return self.user_us + self.system_us


_RESIDUE = ContainerMemory(
    active_anon=0,
    inactive_anon=0,
    active_file=0,
    inactive_file=0,
    file_dirty=0,
    file_mapped=0,
    kernel_stack=0,
    page_tables=0,
    slab_reclaimable=2,
    slab_unreclaimable=4,
)
"""What stays charged to a container that has exited, until it is removed."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a container does all its life.

    `cores` is its mean CPU usage, `memory` its mean memory in bytes, `read` and `written` what it
    does to the disk, in bytes a second; `pids` its processes and threads. `limited` is whether it
    has a CPU quota and a memory limit, and `headroom` that limit over the most memory it uses.
    """

    cores: float
    memory: float
    pids: int
    limited: bool
    headroom: float = 1.3
    uses_disk: bool = True
    read: float = 0.0
    written: float = 0.0


class SimulatedContainer:
    """A container that uses CPU and memory around given means.

    Args:
        container_id: as the host knows it; the sandbox's own id for the pause container.
        rng: what its peculiarities are drawn from.
        habits: those means.
        started: seconds from the guest's boot to its start; infinite until it is started.
    """

    def __init__(self, container_id: str, rng: Random, habits: Habits, *, started: float) -> None:
        self.id = container_id
        self.habits = habits
        self.started = started
        self.ended: float | None = None
        self.oom_kills = 0
        self._oom_peak = 0
        self._paused: float | None = None
        self._paused_seconds = 0.0
        self._cores = Wave.random(rng, habits.cores)
        self._user_share = rng.uniform(0.55, 0.85)
        self._memory = Wave.random(rng, habits.memory, swing=0.25)
        self._anon_share = rng.uniform(0.3, 0.7)
        self._active_share = rng.uniform(0.2, 0.6)
        self._faults = Wave.random(rng, 20.0 + habits.cores * 500.0)
        self._throttled = Wave.random(rng, rng.uniform(0.2, 1.0))
        self._read = Wave.random(rng, habits.read)
        self._written = Wave.random(rng, habits.written)
        # Pages come and go at least as fast as its memory shrinks, so that either count only grows.
        shrinking = self._memory.swing * tau / self._memory.period / PAGE_BYTES
        self._uncharged_pages_per_second = 1.0 + 1.1 * shrinking
        whole_mib = -int(-self._memory.highest * habits.headroom // MIB)
        self.memory_limit = whole_mib * MIB if habits.limited else None

    def reborn(self, container_id: str, started: float) -> "SimulatedContainer":
        """Return the same container, started anew: with another id, and counters at 0."""
        container = copy(self)
        container.id = container_id
        container.started = started
        container.ended = None
        container.oom_kills = 0
        container._oom_peak = 0  # noqa: SLF001  its own
        container._paused = None  # noqa: SLF001
        container._paused_seconds = 0.0  # noqa: SLF001
        return container

    def limit_memory(self, limit_bytes: int | None) -> None:
        """Set its memory limit, or take it away.

        Raises:
            ValueError: it uses more than that at its most.
        """
        if limit_bytes is not None and limit_bytes < self._memory.highest:
            raise ValueError(f"container {self.id!r} uses more than {limit_bytes} bytes")
        self.memory_limit = limit_bytes

    def count_oom_kill(self) -> None:
        """Note that a process of it was killed for want of memory, when it had all of it."""
        self.oom_kills += 1
        self._oom_peak = max(self._oom_peak, self.memory_limit or 0)

    def pause(self, uptime: float) -> None:
        """Let it do nothing until it is resumed; its counters stand still."""
        if self._paused is None:
            self._paused = uptime

    def resume(self, uptime: float) -> None:
        """Let it go on."""
        if self._paused is not None:
            self._paused_seconds += max(0.0, uptime - max(self._paused, self.started))
            self._paused = None

    def age(self, uptime: float) -> float:
        """Return for how many seconds it has run, or ran; 0 before its start."""
        end = min(uptime, self._idle_since)
        return max(0.0, end - self.started - self._paused_seconds)

    def load(self, uptime: float, constant: float) -> float:
        """Return its part of a load average; it fades while the container does nothing."""
        load = self._cores.damped(self.age(uptime), constant)
        return load * exp(min(0.0, self._idle_since - uptime) / constant)

    def at(self, uptime: float, cpu_shares: Sequence[float]) -> ContainerUsage:
        """Return what its cgroup shows.

        Args:
            uptime: seconds since the guest's boot; once it has exited, not before that.
            cpu_shares: how work spreads over the guest's processors.
        """
        age = self.age(uptime)
        total = self._cores.total(age)
        limited = self.habits.limited
        throttled = self._throttled.total(age) if limited else 0.0
        faults = int(self._faults.total(age))
        peak = self._peak(age)
        uncharged = int(self._uncharged_pages_per_second * age)
        charged = int(self._uncharged_pages_per_second * age + self._resident(age))
        return ContainerUsage(
            id=self.id,
            user_us=int(total * self._user_share * 1e6),
            system_us=int(total * (1.0 - self._user_share) * 1e6),
            periods=int(age * _PERIODS_PER_SECOND * _BUSY_PERIODS) if limited else 0,
            throttled_periods=int(throttled),
            throttled_us=int(throttled * _THROTTLED_US),
            percpu_ns=tuple(int(total * share * 1e9) for share in cpu_shares),
            memory=self._memory_at(age) if self._has_memory else _RESIDUE,
            memory_peak_pages=peak,
            kernel_peak_pages=part(peak, _KERNEL_SHARE),
            memory_limit=self.memory_limit,
            oom_kills=self.oom_kills,
            pids=self._pids,
            page_faults=faults,
            major_page_faults=faults // 500,
            charged_pages=charged if self._was_started else 0,
            uncharged_pages=charged if self.ended is not None and self._was_started else uncharged,
            uses_disk=self.habits.uses_disk,
            read_bytes=int(self._read.total(age)) // SECTOR_BYTES * SECTOR_BYTES,
            written_bytes=int(self._written.total(age)) // SECTOR_BYTES * SECTOR_BYTES,
        )

    @property
    def _was_started(self) -> bool:
        return self.started < inf

    @property
    def _has_memory(self) -> bool:
        return self.ended is None and self._was_started

    @property
    def _pids(self) -> int:
        if self.ended is not None:
            return 0
        # One that isn't started has a process that waits for that.
        return self.habits.pids if self._was_started else 1

    @property
    def _idle_since(self) -> float:
        return min(inf if at is None else at for at in (self.ended, self._paused))

    def _peak(self, age: float) -> int:
        if not self._was_started:
            return _RESIDUE.usage
        return max(int(self._memory.peak(age)), self._oom_peak) // PAGE_BYTES

    def _resident(self, age: float) -> float:
        return self._memory.at(age) * (1.0 - _KERNEL_SHARE) / PAGE_BYTES

    def _memory_at(self, age: float) -> ContainerMemory:
        usage = int(self._memory.at(age)) // PAGE_BYTES
        kernel = part(usage, _KERNEL_SHARE)
        anon = part(usage, self._anon_share)
        file = usage - kernel - anon
        stack = min(kernel, 4 * self.habits.pids)
        tables = (kernel - stack) // 8
        slab = kernel - stack - tables
        return ContainerMemory(
            active_anon=part(anon, self._active_share),
            inactive_anon=anon - part(anon, self._active_share),
            active_file=part(file, self._active_share),
            inactive_file=file - part(file, self._active_share),
            file_dirty=part(file, 0.05),
            file_mapped=part(file, 0.2),
            kernel_stack=stack,
            page_tables=tables,
            slab_reclaimable=part(slab, 0.6),
            slab_unreclaimable=slab - part(slab, 0.6),
        )
