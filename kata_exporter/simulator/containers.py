"""A container of a simulated guest: what its cgroup (v2) counts."""

from dataclasses import dataclass
from random import Random

from kata_exporter.simulator.units import MIB, PAGE_BYTES, part
from kata_exporter.simulator.wave import Wave

_PERIODS_PER_SECOND = 10.0
"""CFS periods of 100 ms."""
_BUSY_PERIODS = 0.7
"""The share of periods in which a container has something to run."""


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

    CPU is in microseconds, as in cpu.stat. `memory_limit` is in bytes, None without a limit.
    """

    id: str
    user_us: int
    system_us: int
    periods: int
    throttled_periods: int
    memory: ContainerMemory
    memory_peak_pages: int
    memory_limit: int | None
    pids: int
    page_faults: int
    major_page_faults: int
    uses_disk: bool

    @property
    def cpu_us(self) -> int:
        """CPU time over both modes."""
        return self.user_us + self.system_us


class SimulatedContainer:
    """A container that uses CPU and memory around given means.

    Args:
        container_id: as the host knows it; the sandbox's own id for the pause container.
        rng: what its peculiarities are drawn from.
        cores: mean CPU usage.
        memory: mean memory usage in bytes.
        started: seconds from the guest's boot to its start.
        pids: its processes and threads.
        limited: whether it has a CPU quota and a memory limit.
        uses_disk: whether it has done any block io, which its answer then has entries for.
    """

    def __init__(
        self,
        container_id: str,
        rng: Random,
        *,
        cores: float,
        memory: float,
        started: float,
        pids: int,
        limited: bool,
        uses_disk: bool,
    ) -> None:
        self.id = container_id
        self.cores = Wave.random(rng, cores)
        self.started = started
        self.pids = pids
        self._user_share = rng.uniform(0.55, 0.85)
        self._memory = Wave.random(rng, memory, swing=0.25)
        self._anon_share = rng.uniform(0.3, 0.7)
        self._active_share = rng.uniform(0.2, 0.6)
        self._faults = Wave.random(rng, 20.0 + cores * 500.0)
        self._throttled = Wave.random(rng, rng.uniform(0.2, 1.0))
        self._limited = limited
        self._uses_disk = uses_disk
        whole_mib = -int(-self._memory.highest * 1.3 // MIB)
        self.memory_limit = whole_mib * MIB if limited else None

    @property
    def highest_memory(self) -> float:
        """The most memory that it ever uses, in bytes."""
        return self._memory.highest

    def age(self, uptime: float) -> float:
        """Return the seconds since its start; 0 before it."""
        return max(0.0, uptime - self.started)

    def cpu_seconds(self, uptime: float) -> tuple[float, float]:
        """Return the seconds of CPU in user and in kernel mode."""
        total = self.cores.total(self.age(uptime))
        return total * self._user_share, total * (1.0 - self._user_share)

    def at(self, uptime: float) -> ContainerUsage:
        """Return what its cgroup shows `uptime` seconds after the guest's boot."""
        age = self.age(uptime)
        user, system = self.cpu_seconds(uptime)
        periods = int(age * _PERIODS_PER_SECOND * _BUSY_PERIODS)
        faults = int(self._faults.total(age))
        return ContainerUsage(
            id=self.id,
            user_us=int(user * 1e6),
            system_us=int(system * 1e6),
            periods=periods if self._limited else 0,
            throttled_periods=int(self._throttled.total(age)) if self._limited else 0,
            memory=self._memory_at(age),
            memory_peak_pages=int(self._memory.peak(age)) // PAGE_BYTES,
            memory_limit=self.memory_limit,
            pids=self.pids,
            page_faults=faults,
            major_page_faults=faults // 500,
            uses_disk=self._uses_disk,
        )

    def _memory_at(self, age: float) -> ContainerMemory:
        usage = int(self._memory.at(age)) // PAGE_BYTES
        kernel = part(usage, 0.12)
        anon = part(usage, self._anon_share)
        file = usage - kernel - anon
        stack = min(kernel, 4 * self.pids)
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
