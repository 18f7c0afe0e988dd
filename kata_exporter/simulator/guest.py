"""A simulated guest: one consistent state, read at any instant.

What the agent tells (GetMetrics) and what it tells of a container (StatsContainer) come from the
same `GuestState`, so the containers' CPU and memory are part of the guest's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from random import Random

from kata_exporter.clock import Clock
from kata_exporter.simulator.containers import ContainerUsage, SimulatedContainer
from kata_exporter.simulator.cpu import GuestCpu
from kata_exporter.simulator.disk import Disk, Filesystem
from kata_exporter.simulator.memory import GuestMemory
from kata_exporter.simulator.network import Interface
from kata_exporter.simulator.process import AgentProcess, AgentProcessState
from kata_exporter.simulator.units import MIB
from kata_exporter.simulator.vmstat import VmEvents
from kata_exporter.simulator.wave import seeded

_YOUNGEST, _OLDEST = 120.0, 3 * 86_400.0
"""Seconds that a guest has been up when it is made."""
_RESOLUTION = 1000
"""Instants per second. Between two that are any closer, the rounding of floating point numbers
could be more than what a counter has grown."""


@dataclass(frozen=True, slots=True)
class GuestState:
    """All that a guest shows at one instant, under the item names and units of GetMetrics."""

    uptime: float
    cpus: tuple[Mapping[str, int], ...]
    load: Mapping[str, float]
    tasks: Mapping[str, int]
    meminfo: Mapping[str, int]
    vmstat: Mapping[str, int]
    interfaces: Mapping[str, Mapping[str, int]]
    disks: Mapping[str, Mapping[str, int]]
    filesystem_bytes: Mapping[tuple[str, str], Mapping[str, int]]
    """By device and mount point, as are the inodes."""
    filesystem_inodes: Mapping[tuple[str, str], Mapping[str, int]]
    agent: AgentProcessState
    containers: Mapping[str, ContainerUsage]


class SimulatedGuest:
    """A VM with 1 to 4 processors and the containers of one pod.

    Two guests of one seed, id and list of containers show the same at the same age.

    Args:
        clock: what its time goes by.
        sandbox_id: also the id of its pause container.
        container_ids: its workload containers, 1 to 4.
        seed: what its peculiarities are drawn from.

    Raises:
        ValueError: there are no containers, or more than 4.
    """

    def __init__(
        self, clock: Clock, *, sandbox_id: str, container_ids: Sequence[str], seed: int = 0
    ) -> None:
        if not 1 <= len(container_ids) <= 4:
            raise ValueError(f"a guest has 1 to 4 containers, not {len(container_ids)}")
        rng = seeded(seed, sandbox_id)
        self.cpus = rng.randint(1, 4)
        self.ram = rng.choice((512, 1024, 2048, 4096)) * MIB
        self._clock = clock
        self._booted = clock.monotonic() - rng.uniform(_YOUNGEST, _OLDEST)
        self._oom_kills: Counter[str] = Counter()
        self._containers = (
            _pause_container(rng, sandbox_id),
            *_workload(rng, container_ids, cpus=self.cpus, ram=self.ram),
        )
        self._cpu = GuestCpu(rng, self.cpus)
        self._memory = GuestMemory(rng, ram=self.ram, cpus=self.cpus)
        self._events = VmEvents(rng)
        self._interfaces = (Interface(rng, "eth0"), Interface(rng, "lo", looped=True))
        self._disk = Disk(rng, "vda")
        self._filesystem = Filesystem(rng, device="vda", mount="/data")
        self._agent = AgentProcess(rng)

    @property
    def container_ids(self) -> tuple[str, ...]:
        """Ids of its containers; the pause container's is first, and is the sandbox's own."""
        return tuple(container.id for container in self._containers)

    @property
    def uptime(self) -> float:
        """Seconds since its boot."""
        return self._clock.monotonic() - self._booted

    def state(self) -> GuestState:
        """Return what it shows now."""
        return self.at(self.uptime)

    def count_oom_kill(self, container_id: str) -> int:
        """Let its kernel kill a process of a container; return how often it now has, there.

        Raises:
            KeyError: there is no such container.
        """
        if container_id not in self.container_ids:
            raise KeyError(container_id)
        self._oom_kills[container_id] += 1
        return self._oom_kills[container_id]

    def at(self, uptime: float) -> GuestState:
        """Return what it shows `uptime` seconds after its boot."""
        uptime = floor(uptime * _RESOLUTION) / _RESOLUTION
        containers = {container.id: container.at(uptime) for container in self._containers}
        agent = self._agent.at(uptime)
        disk = self._disk.at(uptime)
        memory = self._memory.at(
            uptime, agent_kib=agent.status["rssanon"], containers=tuple(containers.values())
        )
        load = self._load(uptime)
        volume = (self._filesystem.device, self._filesystem.mount)
        return GuestState(
            uptime=uptime,
            cpus=self._cpu.times(
                uptime,
                [
                    self._agent.cpu_seconds(uptime),
                    *(container.cpu_seconds(uptime) for container in self._containers),
                ],
            ),
            load=load,
            tasks=self._tasks(load["load1"]),
            meminfo=memory.meminfo(),
            vmstat=self._events.at(
                uptime,
                memory=memory,
                containers=tuple(containers.values()),
                disk=disk,
                oom_kills=self._oom_kills.total(),
            ),
            interfaces={interface.name: interface.at(uptime) for interface in self._interfaces},
            disks={self._disk.name: disk},
            filesystem_bytes={volume: self._filesystem.space(uptime)},
            filesystem_inodes={volume: self._filesystem.inodes(uptime)},
            agent=agent,
            containers=containers,
        )

    def _load(self, uptime: float) -> dict[str, float]:
        busy = [(container.cores, container.age(uptime)) for container in self._containers]
        return self._cpu.load(uptime, [(self._agent.cores, uptime), *busy])

    def _tasks(self, load: float) -> dict[str, int]:
        threads = sum(container.pids for container in self._containers)
        return {"cur": 1 + round(load), "max": 58 + threads}


def _pause_container(rng: Random, sandbox_id: str) -> SimulatedContainer:
    return SimulatedContainer(
        sandbox_id,
        rng,
        cores=0.0002,
        memory=1.6 * MIB,
        started=1.0,
        pids=1,
        limited=False,
        uses_disk=True,
    )


def _workload(
    rng: Random, ids: Sequence[str], *, cpus: int, ram: int
) -> tuple[SimulatedContainer, ...]:
    # At their crests together they leave a quarter of the CPUs and 40 % of the memory unused.
    cores, memory = cpus * rng.uniform(0.06, 0.35), ram * rng.uniform(0.15, 0.4)
    weights = [rng.uniform(0.5, 1.5) for _ in ids]
    return tuple(
        SimulatedContainer(
            container_id,
            rng,
            cores=cores * weight / sum(weights),
            memory=memory * weight / sum(weights),
            started=2.0 + index,
            pids=rng.randint(1, 12),
            limited=rng.random() < 0.6,
            uses_disk=rng.random() < 0.8,
        )
        for index, (container_id, weight) in enumerate(zip(ids, weights, strict=True))
    )
