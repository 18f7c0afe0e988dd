"""The agent's own process in a simulated guest."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from kata_exporter.simulator.guest.units import TICKS_PER_SECOND
from kata_exporter.simulator.guest.wave import Wave


@dataclass(frozen=True, slots=True)
class AgentProcessState:
    """The agent's process at one instant, under the item names that GetMetrics has.

    `stat` is in ticks of 10 ms; `status` in KiB, and context switches; `io` in bytes and calls.
    """

    stat: Mapping[str, int]
    status: Mapping[str, int]
    io: Mapping[str, int]
    threads: int

    @property
    def cpu_ticks(self) -> int:
        """CPU time of the process itself, without its children."""
        return self.stat["utime"] + self.stat["stime"]


class AgentProcess:
    """A process that uses a little CPU and whose heap breathes."""

    def __init__(self, rng: Random) -> None:
        self.cores = Wave.random(rng, rng.uniform(0.01, 0.02))
        self._heap_kib = Wave.random(rng, rng.uniform(3000.0, 6000.0), swing=0.2)
        self._shared_kib = rng.randrange(9_000, 31_000, 4)
        self._read = Wave.random(rng, rng.uniform(5e3, 2e4))
        self._written = Wave.random(rng, rng.uniform(500.0, 2e3))
        self._switches = Wave.random(rng, rng.uniform(2.0, 8.0))
        self._threads = rng.randint(5, 8)

    def cpu_seconds(self, uptime: float) -> tuple[float, float]:
        """Return the seconds of CPU in user and in kernel mode."""
        total = self.cores.total(uptime)
        return total * 0.5, total * 0.5

    def at(self, uptime: float) -> AgentProcessState:
        """Return the process `uptime` seconds after the guest's boot."""
        user, system = self.cpu_seconds(uptime)
        return AgentProcessState(
            stat={
                "cstime": 137,
                "cutime": 60,
                "stime": int(system * TICKS_PER_SECOND),
                "utime": int(user * TICKS_PER_SECOND),
            },
            status=self._status(uptime),
            io=self._io(uptime),
            threads=self._threads,
        )

    def _status(self, uptime: float) -> dict[str, int]:
        anon = int(self._heap_kib.at(uptime)) // 4 * 4
        anon_peak = int(self._heap_kib.peak(uptime)) // 4 * 4
        switches = int(self._switches.total(uptime))
        return {
            "hugetlbpages": 0,
            "nonvoluntary_ctxt_switches": switches // 5,
            "rssanon": anon,
            "rssfile": 4,
            "rssshmem": self._shared_kib,
            "vmdata": anon + 10_000,
            "vmexe": 37_412,
            "vmhwm": anon_peak + 4 + self._shared_kib,
            "vmlck": 0,
            "vmlib": 2_084,
            "vmpeak": anon_peak + 448_000,
            "vmpin": 0,
            "vmpte": 208,
            "vmrss": anon + 4 + self._shared_kib,
            "vmsize": anon + 448_000,
            "vmstk": 212,
            "vmswap": 0,
            "voluntary_ctxt_switches": switches,
        }

    def _io(self, uptime: float) -> dict[str, int]:
        read = int(self._read.total(uptime))
        written = int(self._written.total(uptime))
        return {
            "cancelled_write_bytes": 0,
            "rchar": read,
            "read_bytes": read // 64 // 512 * 512,
            "syscr": read // 600,
            "syscw": written // 9,
            "wchar": written,
            "write_bytes": 0,
        }
