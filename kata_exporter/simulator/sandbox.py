"""One simulated sandbox: its VM and agent, its shim, and what the container runtime says of it.

All that happens to it goes through here, so that guest, CRI and containerd's events agree.
"""

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kata_exporter.clock import Clock
from kata_exporter.model import (
    Container,
    ContainerState,
    Pod,
    Runtime,
    SandboxGone,
    SandboxSeen,
    TellDiscovery,
)
from kata_exporter.simulator.agent.agent import OnRequest, SimulatedAgent
from kata_exporter.simulator.agent.door import Door
from kata_exporter.simulator.agent.oom import Victim
from kata_exporter.simulator.exit_codes import KILLED
from kata_exporter.simulator.faults import Fault, make_fault
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.simulator.guest.wave import seeded
from kata_exporter.simulator.host.host import SimulatedHost
from kata_exporter.simulator.host.shim import SimulatedShim
from kata_exporter.simulator.kinds import Kind

SOURCE = "simulator"

_OOM_KILLED = "OOMKilled"
_FIRST_VMM_PID = 10_000


@dataclass(frozen=True, slots=True)
class Site:
    """What the sandboxes of a fleet have in common.

    ``tell`` is told whenever a source of discovery would have something to say of one of them,
    ``on_request`` of every request to any agent. ``seed`` is what peculiarities are drawn from.
    """

    host: SimulatedHost
    clock: Clock
    seed: int
    tell: TellDiscovery
    on_request: OnRequest | None = None


class SimulatedSandbox:
    """A sandbox on a simulated host.

    Args:
        number: in its fleet; its id is made of it.
        site: where it is.
        kind: what it is like.
        pod: whose it is.
        containers: names and images of its workload.
        attempt: how many sandboxes its pod has had before.
        container_attempts: how many containers of a name, where there were any.
    """

    def __init__(
        self,
        number: int,
        site: Site,
        *,
        kind: Kind,
        pod: Pod,
        containers: Iterable[Container],
        attempt: int = 0,
        container_attempts: Mapping[str, int] | None = None,
    ) -> None:
        self.number = number
        self.id = f"demo-{number}"
        self.kind = kind
        self.pod = pod
        self.attempt = attempt
        self._container_attempts = dict(container_attempts or {})
        self._host = site.host
        self._clock = site.clock
        self._tell = site.tell
        self._rng = seeded(site.seed, self.id, "containers")
        fresh = [Container(self._new_id(), c.name, c.image) for c in containers]
        self._containers = {container.id: container for container in fresh}
        self._pid = _FIRST_VMM_PID + number
        self._out_of_memory: set[str] = set()
        self._runs = False
        self._ending: asyncio.Task[None] | None = None
        self._has_folder = False
        self.guest = SimulatedGuest(
            site.clock,
            sandbox_id=self.id,
            container_ids=tuple(self._containers),
            profile=kind.profile,
            cgroup=kind.cgroup,
            seed=site.seed,
        )
        self.agent = SimulatedAgent(
            self.guest,
            site.clock,
            version=kind.version,
            on_request=site.on_request,
            on_oom=self._shim_got_oom,
            on_exit=self._exited,
            on_power_off=self._powered_off,
        )
        self._folder = site.host.root / kind.folder(self.id)
        self._socket = site.host.root / kind.agent_socket(self.id)
        self._door = Door(
            self._socket,
            self.agent.server.attach,
            lambda: self.agent.fault,
            hybrid=kind.hybrid,
        )
        self.shim = SimulatedShim(
            site.host.root / kind.layout.folder, self.id, lambda: self._door.url, layout=kind.layout
        )

    @property
    def agent_url(self) -> str:
        """Where its agent is reached."""
        return self._door.url

    @property
    def ready(self) -> bool:
        """Whether containers can run in it: started, and neither it nor its pause container ended."""
        pod = self._host.cri.pod(self.id)
        return pod is not None and pod.ready

    @property
    def powered_off(self) -> bool:
        """Whether its VM has ended of its own accord, as after DestroySandbox."""
        return self._ending is not None

    @property
    def containers(self) -> tuple[Container, ...]:
        """Its workload: of each container the latest, running or exited."""
        return tuple(self._containers.values())

    @property
    def container_attempts(self) -> Mapping[str, int]:
        """How many containers of each name there were, the ones that are there included."""
        return {name: attempt + 1 for name, attempt in self._container_attempts.items()}

    def seen(self) -> SandboxSeen:
        """Return what a source that knew all of it would say now."""
        return SandboxSeen(
            source=SOURCE,
            id=self.id,
            agent_url=self.agent_url,
            birth=self.id,  # no id is ever used twice
            runtime=Runtime(self.kind.layout),
            pod=self.pod,
            containers=self.containers,
        )

    async def start(self, *, after: "SimulatedSandbox | None" = None) -> None:
        """Run it, in the place of another where one is given.

        Raises:
            OSError: a socket can't be bound; nothing of it is there then.
        """
        try:
            # What is there already is somebody else's, and stays as it is.
            self._folder.mkdir(parents=True)
            self._has_folder = True
            self._socket.parent.mkdir(exist_ok=True)
            self._door.open()
            await self.shim.start()
        except BaseException:
            await self._close()
            raise
        self._runs = True
        self._run_in_cri(after)
        self._host.events.started(self.id, self._pid)
        for container in tuple(self._containers.values()):
            self._started(container)
        self._tell(self.seen())

    async def stop(self) -> None:
        """End its VM and remove its sockets; may be called again. CRI lists it until `forget`."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await self._end()

    def forget(self) -> None:
        """Remove it from CRI's lists, as a kubelet does with what has ended; may be called again."""
        if self._host.cri.pod(self.id) is not None:
            self._host.cri.remove_pod(self.id)

    async def suffer(self, fault: str | Fault | None) -> None:
        """Switch on a fault, by its name or as it is, or switch it off with None.

        Connections that are open are ended where the fault is one of the socket.

        Raises:
            KeyError: there is no fault of that name.
        """
        if fault is None:
            fault = Fault()
        elif isinstance(fault, str):
            fault = make_fault(fault, self._clock)
        before = self.agent.fault
        self.agent.suffer(fault)
        if not (before.keeps_connections and fault.keeps_connections):
            await self._door.drop()

    async def reboot(self) -> None:
        """Let another VM take its place, under its id and address: all of its counters begin anew.

        Its containers are killed and followed by others, and every connection ends.

        Raises:
            ValueError: it has ended.
        """
        for container_id in self.guest.container_ids:
            if container_id not in (self.id, *self._containers):
                self.guest.remove_container(container_id)  # a client's own: nobody makes it again
        for container in self.containers:
            self.restart_container(container.id, exit_code=KILLED)
        self._out_of_memory.clear()
        self.guest.restart()
        await self._door.drop()

    def restart_container(self, container_id: str, *, exit_code: int = 0) -> Container:
        """Follow a container by the next of its name, and return that; ends it where it runs.

        Raises:
            KeyError: there is no such container.
            ValueError: the sandbox has ended, or a client has filled its place in the guest.
        """
        if not self.ready:
            raise ValueError(f"sandbox {self.id} has ended: no container starts in it")
        if self._containers[container_id].state is ContainerState.RUNNING:
            self.guest.stop_container(container_id, exit_code)
            self._exited(container_id, exit_code)
        new = replace(self._containers[container_id], id=self._new_id())
        if container_id in self.guest.container_ids:
            self.guest.restart_container(container_id, new.id)
        else:  # a client has removed it
            self.guest.add_container(new.id)
        del self._containers[container_id]
        self._host.cri.restart_container(container_id, new.id)
        self._container_attempts[new.name] = self._container_attempts.get(new.name, 0) + 1
        self._started(new, in_cri=False)
        self._tell(self.seen())
        return self._containers[new.id]

    def kill_for_memory(
        self, container_id: str | None = None, victim: Victim = Victim.PROCESS
    ) -> None:
        """Let the guest's kernel kill for want of memory; see `SimulatedAgent.kill_for_memory`.

        Raises:
            KeyError: there is no such container.
            ValueError: it has exited.
        """
        self.agent.kill_for_memory(container_id, victim)

    def _run_in_cri(self, after: "SimulatedSandbox | None") -> None:
        cri = self._host.cri
        if after is None:
            cri.add_pod(self.id, self.pod, attempt=self.attempt)
        else:
            same_pod = after.pod.uid == self.pod.uid
            cri.replace_pod(after.id, self.id, uid=None if same_pod else self.pod.uid)

    def _started(self, container: Container, *, in_cri: bool = True) -> None:
        if in_cri:
            attempt = self._container_attempts.setdefault(container.name, 0)
            self._host.cri.add_container(
                self.id, container.id, container.name, image=container.image, attempt=attempt
            )
        self._containers[container.id] = replace(container, state=ContainerState.RUNNING)
        self._host.events.started(container.id, self._pid)

    def _exited(self, container_id: str, exit_code: int) -> None:
        if container_id == self.id:
            self._pause_exited(exit_code)
            return
        container = self._containers.get(container_id)
        if container is None or container.state is not ContainerState.RUNNING:
            return  # a client has made it, of which the container runtime knows nothing
        self._containers[container_id] = replace(container, state=ContainerState.EXITED)
        reason = _OOM_KILLED if container_id in self._out_of_memory else ""
        self._host.cri.exit_container(container_id, exit_code=exit_code, reason=reason)
        self._host.events.exited(container_id, self._pid, exit_status=exit_code)
        if self._runs:
            self._tell(self.seen())

    def _pause_exited(self, exit_code: int) -> None:
        """End all containers with the one that holds the sandbox, and have CRI call it not ready."""
        if not self.ready:
            return  # it has exited before
        for container in self.containers:
            if container.state is ContainerState.RUNNING:
                self.guest.stop_container(container.id, KILLED)
                self._exited(container.id, KILLED)
        self._host.cri.stop_pod(self.id)
        self._host.events.exited(self.id, self._pid, exit_status=exit_code)

    def _shim_got_oom(self, container_id: str) -> None:
        self._out_of_memory.add(container_id)
        self._host.events.oom(container_id)

    def _powered_off(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        if self._runs:
            self._runs = False
            self._tell(SandboxGone(SOURCE, self.id))
            self._exited(self.id, KILLED)
            self.agent.halt()
        await self._close()

    async def _close(self) -> None:
        try:
            await self._door.close()
        finally:
            try:
                await self.shim.stop()
            finally:
                if self._has_folder:
                    # Whoever has removed it already is welcome.
                    shutil.rmtree(self._folder, ignore_errors=True)

    def _new_id(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"
