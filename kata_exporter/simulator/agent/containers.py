"""The containers that a simulated agent knows, and their processes.

Each has PIDs of its own, so all of its processes end with its init. What is known of one that has
exited stays until it is removed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from signal import Signals

from kata_exporter.simulator.agent.guest_clock import GuestClock
from kata_exporter.simulator.agent.process import SimulatedProcess
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.simulator.exit_codes import KILLED
from kata_exporter.simulator.guest.guest import SimulatedGuest

_FIRST_PID = 100
_SERVER = ProcessSpec(("/bin/server",))
"""What runs in a container that was there before anybody asked the agent for one."""


@dataclass(slots=True, eq=False)
class AgentContainer:
    """A container: its processes by exec id, its init's under its own id, until they are reaped."""

    id: str
    init: SimulatedProcess
    processes: dict[str, SimulatedProcess]
    annotations: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Sources by destination."""
    paused: bool = False

    def find(self, exec_id: str) -> SimulatedProcess | None:
        """Return a process that isn't reaped; with an empty id the init."""
        if exec_id:
            return self.processes.get(exec_id)
        return self.init if self.init in self.processes.values() else None

    def reap(self, process: SimulatedProcess) -> None:
        """Forget a process, unless that was done."""
        for exec_id in [id_ for id_, other in self.processes.items() if other is process]:
            del self.processes[exec_id]

    def kill(self) -> None:
        """Kill all of its processes, the init first."""
        for process in (self.init, *self.processes.values()):
            process.signal(Signals.SIGKILL)


class AgentContainers:
    """A guest's containers; watches the guest, to know what happens there without a call.

    Args:
        guest: where they run.
        clock: for their processes.
        on_exit: is told when a container has exited by itself or by a call, and with what.
    """

    def __init__(
        self,
        guest: SimulatedGuest,
        clock: GuestClock,
        *,
        on_exit: Callable[[str, int], object],
    ) -> None:
        self._guest = guest
        self._clock = clock
        self._on_exit = on_exit
        self._containers: dict[str, AgentContainer] = {}
        self._next_pid = _FIRST_PID
        self._find_all()
        guest.watch(self)

    def get(self, container_id: str) -> AgentContainer | None:
        """Return a container; None where there is none of that id."""
        return self._containers.get(container_id)

    def create(
        self,
        container_id: str,
        spec: ProcessSpec,
        *,
        annotations: Mapping[str, str],
        mounts: Mapping[str, str],
    ) -> None:
        """Make a container whose init waits to be started.

        Raises:
            ValueError: there is one of this id, or the guest has no place for another.
        """
        if container_id in self._containers:
            raise ValueError(f"there is a container {container_id!r} already")
        container = self._add(container_id, spec)
        container.annotations = annotations
        container.mounts = mounts
        try:
            self._guest.add_container(container_id, started=False)
        except ValueError:
            del self._containers[container_id]
            raise

    def start(self, container: AgentContainer) -> None:
        """Start a container.

        Raises:
            ValueError: it was started, or killed before that.
        """
        if container.init.started or container.init.ended:
            raise ValueError(f"container {container.id!r} was started already, or has ended")
        self._guest.start_container(container.id)
        container.init.start()

    def execute(self, container: AgentContainer, exec_id: str, spec: ProcessSpec) -> None:
        """Start another process in a container; in one that is paused it begins when that goes on.

        Raises:
            ValueError: the container has exited, or there is a process of this id.
        """
        if container.init.ended:
            raise ValueError(f"container {container.id!r} has exited")
        if exec_id in container.processes:
            raise ValueError(f"there is a process {exec_id!r} already")
        process = self._process(spec, lambda _code: None)
        container.processes[exec_id] = process
        if container.paused:
            process.freeze()
        process.start()

    def pause(self, container: AgentContainer) -> None:
        """Freeze a container.

        Raises:
            ValueError: it is paused.
        """
        if container.paused:
            raise ValueError(f"container {container.id!r} is paused already")
        container.paused = True
        self._guest.pause_container(container.id)
        for process in container.processes.values():
            process.freeze()

    def resume(self, container: AgentContainer) -> None:
        """Let a paused container go on.

        Raises:
            ValueError: it isn't paused.
        """
        if not container.paused:
            raise ValueError(f"container {container.id!r} isn't paused")
        container.paused = False
        self._guest.resume_container(container.id)
        for process in tuple(container.processes.values()):
            process.thaw()

    def remove(self, container: AgentContainer) -> None:
        """Remove a container; what runs in it is killed, and nobody learns how that ended.

        The pause container's cgroup stays in the guest, as long as that runs.
        """
        runs = self._guest.runs(container.id)
        self.container_removed(container.id)
        if runs:
            self._guest.stop_container(container.id, KILLED)
            self._on_exit(container.id, KILLED)
        if container.id != self._guest.container_ids[0]:
            self._guest.remove_container(container.id)

    def kill_for_memory(self, container_id: str, *, init: bool) -> None:
        """Kill a container's init, or else the process that came last, if one runs beside it."""
        container = self._containers[container_id]
        if init:
            container.kill()
            return
        others = [p for p in container.processes.values() if not (p.is_init or p.ended)]
        if others:
            others[-1].signal(Signals.SIGKILL)

    def kill_all(self) -> None:
        """Kill every container."""
        for container in tuple(self._containers.values()):
            container.kill()

    def lose_all(self) -> None:
        """Let all be gone at once, as with their VM."""
        for container_id in tuple(self._containers):
            self.container_removed(container_id)

    def container_added(self, container_id: str) -> None:
        """Note that there is another container, unless it was made here."""
        if container_id not in self._containers:
            container = self._add(container_id, _SERVER)
            container.init.start()
            if not self._guest.runs(container_id):
                container.init.exit(0)

    def container_ended(self, container_id: str, exit_code: int) -> None:
        """Note that a container has exited, unless it was ended here."""
        container = self._containers.get(container_id)
        if container is not None:
            container.init.exit(exit_code)

    def container_removed(self, container_id: str) -> None:
        """Note that a container is gone; whoever waits for what ran in it learns no exit code."""
        container = self._containers.pop(container_id, None)
        if container is not None:
            for process in (container.init, *container.processes.values()):
                process.lose()

    def booted(self) -> None:
        """Begin anew, with the containers that the guest has."""
        self.lose_all()
        self._next_pid = _FIRST_PID
        self._find_all()

    def _find_all(self) -> None:
        for container_id in self._guest.container_ids:
            self.container_added(container_id)

    def _add(self, container_id: str, spec: ProcessSpec) -> AgentContainer:
        init = self._process(spec, lambda code: self._init_exited(container, code), is_init=True)
        container = AgentContainer(container_id, init, {container_id: init})
        self._containers[container_id] = container
        return container

    def _process(
        self, spec: ProcessSpec, on_exit: Callable[[int], object], *, is_init: bool = False
    ) -> SimulatedProcess:
        pid, self._next_pid = self._next_pid, self._next_pid + 1
        return SimulatedProcess(spec, pid=pid, clock=self._clock, on_exit=on_exit, is_init=is_init)

    def _init_exited(self, container: AgentContainer, code: int) -> None:
        container.kill()
        if self._guest.runs(container.id):
            self._guest.stop_container(container.id, code)
            self._on_exit(container.id, code)
