"""The agent of a simulated guest: what it answers to each call, and how it can be made to fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.simulator.agent.container_calls import ContainerCalls
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.agent.containers import AgentContainers
from kata_exporter.simulator.agent.guest_clock import GuestClock
from kata_exporter.simulator.agent.handler import Handler, internal
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.agent.oom import Victim, makes_event
from kata_exporter.simulator.agent.oom_queue import OomQueue, QueueEnded
from kata_exporter.simulator.agent.process_calls import ProcessCalls
from kata_exporter.simulator.agent.system import GuestSystem
from kata_exporter.simulator.agent.versions import NEWEST, Feature, Release
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.ttrpc import Code, Server, ServerRequest, StatusError

OnRequest = Callable[[ServerRequest], None]
OnOom = Callable[[str], object]
"""Is given the id of a container whose OOM event a shim has got."""
OnExit = Callable[[str, int], object]
"""Is given the id of a container that has exited, and its exit code."""

_AGENT = agent_pb2.DESCRIPTOR.services_by_name["AgentService"]
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_SERVICES: Mapping[str, ServiceDescriptor] = {s.full_name: s for s in (_AGENT, _HEALTH)}
_GRPC_VERSION = "0.0.1"
_MEM_BLOCK_BYTES = 128 << 20
_POWER_OFF_SECONDS = 0.1
"""From the answer to DestroySandbox to the guest's end."""
_WITHOUT_SANDBOX = frozenset(
    """
    AddSwapPath CopyFile GetGuestDetails GetIPTables GetMetrics GetOOMEvent GetVolumeStats
    MemAgentCompactSet MemAgentMemcgSet MemHotplugByProbe RemoveStaleVirtiofsShareMounts
    ReseedRandomDev ResizeVolume SetGuestDateTime SetIPTables SetPolicy
    """.split()
)
"""Methods that go on while something holds all up that concerns the sandbox."""
_STORAGE_HANDLERS = """
    ephemeral erofs.multi-layer blk virtio-fs mmioblk overlayfs scsi watchable-bind image_guest_pull
    nvdimm local
""".split()


@dataclass(slots=True)
class _Process:
    """The agent's process: what is lost with it when its guest boots again."""

    boots: int
    oom_events: OomQueue
    system: GuestSystem
    handlers: Mapping[str, Mapping[str, Handler]]
    scrapes: int = 0


class SimulatedAgent:
    """Answers as kata-agent does, or as a fault would have it.

    Args:
        guest: whose agent it is.
        clock: time for time-outs that callers ask for.
        version: what it is, from 2.0.0 to 4.1.0.
        on_request: is told of every request, before anything comes of it.
        on_oom: of a shim that always waits for OOM events; without one there is no shim.
        on_exit: is told of containers that exit by themselves or by a call.
        on_power_off: is told when the guest has ended itself: a moment after its sandbox was destroyed.

    Raises:
        ValueError: no agent of that version is known here.
    """

    def __init__(
        self,
        guest: SimulatedGuest,
        clock: Clock,
        *,
        version: str = str(NEWEST),
        on_request: OnRequest | None = None,
        on_oom: OnOom | None = None,
        on_exit: OnExit | None = None,
        on_power_off: Callable[[], object] | None = None,
    ) -> None:
        self._guest = guest
        self._release = Release.parse(version)
        self._on_request = on_request
        self._on_oom = on_oom
        self._on_exit = on_exit
        self._on_power_off = on_power_off
        self._power_off: TimerHandle | None = None
        self._clock = GuestClock(clock)
        self._containers = AgentContainers(guest, self._clock, on_exit=self._exited)
        self._process = self._start()
        self._fault = Fault()
        self.server = Server(self.handle, clock=self._clock)

    @property
    def fault(self) -> Fault:
        """What it suffers from."""
        return self._fault

    @property
    def system(self) -> GuestSystem:
        """What calls have made of the guest since its boot."""
        return self._running().system

    def halt(self) -> None:
        """Let all that runs be gone, as when its VM is; nobody is told."""
        self._containers.lose_all()
        if self._power_off is not None:
            self._power_off.cancel()

    def suffer(self, fault: Fault) -> None:
        """Suffer from another fault, from the next answer on."""
        before, self._fault = self._fault, fault
        before.end()
        self._clock.frozen = fault.stops_timers

    def kill_for_memory(
        self, container_id: str | None = None, victim: Victim = Victim.PROCESS
    ) -> None:
        """Let the guest's kernel kill for want of memory; it always counts that.

        The agent's watcher of the container sends an event as `makes_event` says, and the pause
        container has none.

        Args:
            container_id: whose process; None for one outside of all containers.
            victim: which of the container's processes.

        Raises:
            KeyError: there is no such container.
            ValueError: it has exited.
        """
        if container_id is None:
            self._guest.count_oom_kill()
            return
        if not self._guest.runs(container_id):
            raise ValueError(f"container {container_id!r} has exited: there is nothing to kill")
        kills = self._guest.count_oom_kill(container_id)
        if self._watches(container_id) and makes_event(kills, self._guest.cgroup, self._release):
            self._running().oom_events.put(container_id)
        self._containers.kill_for_memory(container_id, init=victim is Victim.INIT)

    async def handle(self, request: ServerRequest) -> bytes:
        """Answer a request.

        Raises:
            StatusError: as the agent would.
        """
        if self._on_request is not None:
            self._on_request(request)
        return await self._fault.answer(request, self._answer)

    async def _answer(self, request: ServerRequest) -> bytes:
        handler = self._running().handlers.get(request.service, {}).get(request.method)
        is_served = request.service != _AGENT.full_name or self._release.serves(request.method)
        if handler is None or not is_served:
            raise self._unanswered(request)
        method = _SERVICES[request.service].methods_by_name[request.method]
        try:
            message = GetMessageClass(method.input_type).FromString(request.payload)
        except DecodeError:
            raise StatusError(Code.UNKNOWN, "ttrpc err: Unexpected EOF") from None
        if request.service == _AGENT.full_name and request.method not in _WITHOUT_SANDBOX:
            await self._sandbox_free()
        answer = await handler(message)
        return b"" if answer is None else answer.SerializeToString()

    def _unanswered(self, request: ServerRequest) -> StatusError:
        path = f"/{request.service}/{request.method}"
        if request.service == _AGENT.full_name and self._release.serves(request.method):
            # What a server of ttrpc says by itself of a method that nobody has written.
            return StatusError(Code.NOT_FOUND, f"{path} is not supported")
        if not self._release.has(Feature.UNKNOWN_IS_UNIMPLEMENTED):
            return StatusError(Code.INVALID_ARGUMENT, f"{path} does not exist")
        if request.service not in _SERVICES:
            return StatusError(Code.INVALID_ARGUMENT, f"{request.service} service does not exist")
        return StatusError(Code.UNIMPLEMENTED, f"{request.method} method")

    async def _sandbox_free(self) -> None:
        if not self._release.has(Feature.OOM_WAITERS_APART):
            await self._running().oom_events.one_in_line()

    def _start(self) -> "_Process":
        system = GuestSystem(self._guest, on_destroy=self._destroy, quote=self._quoted)
        container_calls = ContainerCalls(
            self._containers, self._guest, quote=self._quoted, read_file=system.files.read
        )
        process_calls = ProcessCalls(self._containers, quote=self._quoted)
        observed: Mapping[str, Handler] = {
            "GetMetrics": self._get_metrics,
            "StatsContainer": self._stats_container,
            "GetGuestDetails": self._get_guest_details,
            "GetOOMEvent": self._get_oom_event,
        }
        return _Process(
            self._guest.boots,
            OomQueue(self._on_oom),
            system,
            {
                _HEALTH.full_name: {"Check": self._check, "Version": self._say_version},
                _AGENT.full_name: {
                    **observed,
                    **container_calls.handlers,
                    **process_calls.handlers,
                    **system.handlers,
                },
            },
        )

    def _running(self) -> "_Process":
        if self._process.boots != self._guest.boots:
            self._process = self._start()
        return self._process

    def _watches(self, container_id: str) -> bool:
        """Whether it would learn of a kill: from a container's start on, and not in the pause."""
        container = self._containers.get(container_id)
        is_pause = container_id == self._guest.container_ids[0]
        return container is not None and container.init.started and not is_pause

    def _quoted(self, text: str) -> str:
        quote = '"' if self._release.has(Feature.QUOTED_ERRORS) else ""
        return f"{quote}{text}{quote}"

    def _exited(self, container_id: str, exit_code: int) -> None:
        if self._on_exit is not None:
            self._on_exit(container_id, exit_code)

    def _destroy(self) -> None:
        self._containers.kill_all()
        self._process.oom_events.end()
        boots = self._guest.boots

        def power_off() -> None:
            if self._on_power_off is not None and self._guest.boots == boots:
                self._on_power_off()

        due = self._clock.monotonic() + _POWER_OFF_SECONDS
        self._power_off = self._clock.call_at(due, power_off)

    async def _check(self, request: health_pb2.CheckRequest) -> Message:
        del request
        return health_pb2.HealthCheckResponse(status="SERVING")

    async def _say_version(self, request: health_pb2.CheckRequest) -> Message:
        del request
        return health_pb2.VersionCheckResponse(
            grpc_version=_GRPC_VERSION, agent_version=str(self._release)
        )

    async def _get_metrics(self, request: agent_pb2.GetMetricsRequest) -> Message:
        del request
        process = self._running()
        process.scrapes += 1
        text = metrics_text(self._guest.state(), scrapes=process.scrapes, release=self._release)
        return agent_pb2.Metrics(metrics=text)

    async def _stats_container(self, request: agent_pb2.StatsContainerRequest) -> Message:
        if self._containers.get(request.container_id) is None:
            raise StatusError(Code.INVALID_ARGUMENT, self._quoted("invalid container id"))
        usage = self._guest.state().containers[request.container_id]
        return stats_response(usage, cgroup=self._guest.cgroup, release=self._release)

    async def _get_guest_details(self, request: agent_pb2.GuestDetailsRequest) -> Message:
        return agent_pb2.GuestDetailsResponse(
            mem_block_size_bytes=_MEM_BLOCK_BYTES if request.mem_block_size else 0,
            agent_details=agent_pb2.AgentDetails(
                version=str(self._release), init_daemon=True, storage_handlers=_STORAGE_HANDLERS
            ),
        )

    async def _get_oom_event(self, request: agent_pb2.GetOOMEventRequest) -> Message:
        del request
        try:
            return agent_pb2.OOMEvent(container_id=await self._running().oom_events.take())
        except QueueEnded:
            raise internal(self._quoted("")) from None
