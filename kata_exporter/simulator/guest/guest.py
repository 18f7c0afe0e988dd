"""A simulated guest: one consistent state, read at any instant.

What the agent tells (GetMetrics) and what it tells of a container (StatsContainer) come from the
same `GuestState`, so the containers' CPU and memory are part of the guest's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

from kata_exporter.clock import Clock
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.simulator.guest.containers import ContainerUsage
from kata_exporter.simulator.guest.cpu import GuestCpu
from kata_exporter.simulator.guest.disk import Disk, Filesystem
from kata_exporter.simulator.guest.memory import GuestMemory
from kata_exporter.simulator.guest.network import Interface
from kata_exporter.simulator.guest.process import AgentProcess, AgentProcessState
from kata_exporter.simulator.guest.profiles import TRAITS, Profile
from kata_exporter.simulator.guest.units import MIB
from kata_exporter.simulator.guest.vmstat import VmEvents
from kata_exporter.simulator.guest.watcher import GuestWatcher
from kata_exporter.simulator.guest.wave import seeded
from kata_exporter.simulator.guest.workload import Workload, WorkTotals

_YOUNGEST, _OLDEST = 120.0, 3 * 86_400.0
"""Seconds that a guest has been up when it is made."""
_RESOLUTION = 1000
"""Instants per second. Between two that are any closer, the rounding of floating point numbers
could be more than what a counter has grown."""


@dataclass(frozen=True, slots=True)
class GuestState:
    """All that a guest shows at one instant, under the item names and units of GetMetrics."""

    uptime: float
    boot_time: int
    """Seconds since 1970, as btime of /proc/stat."""
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
        profile: what it does.
        cgroup: the version of its cgroups.
        seed: what its peculiarities are drawn from.

    Raises:
        ValueError: there are no containers, or more than 4, or two of one id.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        sandbox_id: str,
        container_ids: Sequence[str],
        profile: Profile = Profile.MIXED,
        cgroup: CgroupVersion = CgroupVersion.V2,
        seed: int = 0,
    ) -> None:
        rng = seeded(seed, sandbox_id)
        traits = TRAITS[profile]
        self.cgroup = cgroup
        self.cpus = rng.randint(1, 4)
        self.ram = rng.choice((512, 1024, 2048, 4096)) * MIB
        self._clock = clock
        self._watcher: GuestWatcher | None = None
        self._boots = 0
        self._boot(ago=rng.uniform(_YOUNGEST, _OLDEST))
        self._workload = Workload(
            rng, sandbox_id, container_ids, cpus=self.cpus, ram=self.ram, traits=traits
        )
        self._cpu = GuestCpu(rng, self.cpus, traits)
        self._memory = GuestMemory(rng, ram=self.ram, cpus=self.cpus)
        self._events = VmEvents(rng)
        self._interfaces = (
            Interface(rng, "eth0", traits.network),
            Interface(rng, "lo", traits.network, looped=True),
        )
        self._disks = tuple(
            Disk(rng, name, read=traits.read.draw(rng), written=traits.written.draw(rng))
            for name in traits.disks
        )
        self._unused_disks = tuple(Disk(rng, name) for name in traits.unused_disks)
        self._filesystems = tuple(
            Filesystem(rng, device=name, mount=_mount_point(name)) for name in traits.disks
        )
        self._agent = AgentProcess(rng)

    @property
    def container_ids(self) -> tuple[str, ...]:
        """Ids of its containers; the pause container's is first, and is the sandbox's own."""
        return self._workload.ids

    @property
    def boots(self) -> int:
        """How often it has booted; what its agent knows is of the last time."""
        return self._boots

    @property
    def uptime(self) -> float:
        """Seconds since its boot."""
        return _instant(self._clock.monotonic() - self._booted)

    def state(self) -> GuestState:
        """Return what it shows now."""
        return self.at(self.uptime)

    def watch(self, watcher: GuestWatcher) -> None:
        """Tell of what happens from here on; there is one who is told."""
        self._watcher = watcher

    def restart(self) -> None:
        """Boot again: its counters and its containers' begin anew, and all containers run."""
        self._boot(ago=0.0)
        self._workload.boot()
        if self._watcher is not None:
            self._watcher.booted()

    def add_container(self, container_id: str, *, started: bool = True) -> None:
        """Make another container and, unless told otherwise, start it.

        Raises:
            ValueError: it has 16 already, or one of this id.
        """
        self._workload.add(container_id, self.uptime, started=started)
        if self._watcher is not None:
            self._watcher.container_added(container_id)

    def start_container(self, container_id: str) -> None:
        """Start a container that was made and not started.

        Raises:
            KeyError: there is no such container.
        """
        self._workload.get(container_id).started = self.uptime

    def pause_container(self, container_id: str) -> None:
        """Let a container do nothing until it is resumed.

        Raises:
            KeyError: there is no such container.
        """
        self._workload.get(container_id).pause(self.uptime)

    def resume_container(self, container_id: str) -> None:
        """Let a paused container go on.

        Raises:
            KeyError: there is no such container.
        """
        self._workload.get(container_id).resume(self.uptime)

    def remove_container(self, container_id: str) -> None:
        """Remove a container, running or exited; what it has used stays in the guest's counters.

        Raises:
            KeyError: there is no such container.
            ValueError: it is the pause container.
        """
        self._workload.remove(container_id, self.uptime)
        if self._watcher is not None:
            self._watcher.container_removed(container_id)

    def restart_container(self, container_id: str, new_id: str) -> None:
        """Remove a container, and start another in its place: its counters begin anew.

        Raises:
            KeyError: there is no such container.
            ValueError: it is the pause container, or there is one of the new id.
        """
        self._workload.restart(container_id, new_id, self.uptime)
        if self._watcher is not None:
            self._watcher.container_removed(container_id)
            self._watcher.container_added(new_id)

    def stop_container(self, container_id: str, exit_code: int = 0) -> None:
        """End all processes of a container; until it is removed it shows what it has used.

        Raises:
            KeyError: there is no such container.
        """
        container = self._workload.get(container_id)
        if container.ended is None:
            container.ended = self.uptime
            if self._watcher is not None:
                self._watcher.container_ended(container_id, exit_code)

    def limit_memory(self, container_id: str, limit_bytes: int | None) -> None:
        """Set the memory limit of a container, or take it away.

        Raises:
            KeyError: there is no such container.
            ValueError: it needs more than that.
        """
        self._workload.get(container_id).limit_memory(limit_bytes)

    def runs(self, container_id: str) -> bool:
        """Whether a container has processes.

        Raises:
            KeyError: there is no such container.
        """
        return self._workload.get(container_id).ended is None

    def count_oom_kill(self, container_id: str | None = None) -> int:
        """Let its kernel kill a process for want of memory; return how often it now has, there.

        Args:
            container_id: whose; None for one outside of all containers.

        Raises:
            KeyError: there is no such container.
        """
        if container_id is None:
            self._outside_oom_kills += 1
            kills = self._outside_oom_kills
        else:
            container = self._workload.get(container_id)
            container.count_oom_kill()
            kills = container.oom_kills
        self._oom_kills += 1
        return kills

    def at(self, uptime: float) -> GuestState:
        """Return what it shows `uptime` seconds after its boot, no earlier than its last change."""
        uptime = _instant(uptime)
        containers, work = self._workload.at(uptime, self._cpu.shares)
        agent = self._agent.at(uptime)
        disks = self._disks_at(uptime, work)
        memory = self._memory.at(
            uptime, agent_kib=agent.status["rssanon"], containers=tuple(containers.values())
        )
        load = self._load(uptime)
        return GuestState(
            uptime=uptime,
            boot_time=self._boot_time,
            cpus=self._cpu.times(
                uptime,
                [self._agent.cpu_seconds(uptime), (work.user_us / 1e6, work.system_us / 1e6)],
            ),
            load=load,
            tasks=_tasks(load["load1"], containers),
            meminfo=memory.meminfo(),
            vmstat=self._events.at(
                uptime,
                memory=memory,
                work=work,
                disks=disks.values(),
                oom_kills=self._oom_kills,
            ),
            interfaces={interface.name: interface.at(uptime) for interface in self._interfaces},
            disks=disks,
            filesystem_bytes={(f.device, f.mount): f.space(uptime) for f in self._filesystems},
            filesystem_inodes={(f.device, f.mount): f.inodes(uptime) for f in self._filesystems},
            agent=agent,
            containers=containers,
        )

    def _boot(self, *, ago: float) -> None:
        self._boots += 1
        self._booted = self._clock.monotonic() - ago
        self._boot_time = int(self._clock.time() - ago)
        self._oom_kills = 0
        self._outside_oom_kills = 0

    def _disks_at(self, uptime: float, work: WorkTotals) -> dict[str, dict[str, int]]:
        # The containers' files are on the first.
        first, *others = self._disks
        used = first.at(
            uptime, containers_read=work.read_bytes, containers_written=work.written_bytes
        )
        return {first.name: used} | {
            disk.name: disk.at(uptime) for disk in (*others, *self._unused_disks)
        }

    def _load(self, uptime: float) -> dict[str, float]:
        def work(seconds: float) -> float:
            agent = self._agent.cores.damped(uptime, seconds)
            return agent + self._workload.load(uptime, seconds)

        return self._cpu.load(uptime, work)


def _instant(uptime: float) -> float:
    return floor(uptime * _RESOLUTION) / _RESOLUTION


def _mount_point(disk: str) -> str:
    return "/data" if disk == "vda" else f"/mnt/{disk}"


def _tasks(load: float, containers: Mapping[str, ContainerUsage]) -> dict[str, int]:
    threads = sum(container.pids for container in containers.values())
    return {"cur": 1 + round(load), "max": 58 + threads}
