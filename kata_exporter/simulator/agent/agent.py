"""The agent of a simulated guest: what it answers to each call, and how it can be made to fail."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.agent.guest_clock import GuestClock
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.agent.oom import Victim, makes_event
from kata_exporter.simulator.agent.oom_queue import OomQueue
from kata_exporter.simulator.agent.versions import NEWEST, Feature, Release
from kata_exporter.simulator.exit_codes import KILLED
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.ttrpc import Code, Server, ServerRequest, StatusError

RequestT = TypeVar("RequestT", bound=Message)


OnRequest = Callable[[ServerRequest], None]
OnOom = Callable[[str], object]
"""Is given the id of a container whose OOM event a shim has got."""
OnExit = Callable[[str, int], object]
"""Is given the id of a container that has exited, and its exit code."""
Answer = Callable[[bytes], Awaitable[Message]]

_SERVICE = "grpc.AgentService"
_GRPC_VERSION = "0.0.1"
_MEM_BLOCK_BYTES = 128 << 20
_STORAGE_HANDLERS = """
    ephemeral erofs.multi-layer blk virtio-fs mmioblk overlayfs scsi watchable-bind image_guest_pull
    nvdimm local
""".split()


@dataclass(slots=True)
class _Process:
    """The agent's process: what is lost with it when its guest boots again."""

    boots: int
    oom_events: OomQueue
    scrapes: int = 0


class SimulatedAgent:
    """Answers as kata-agent does, or as a fault would have it.

    Args:
        guest: whose agent it is.
        clock: time for time-outs that callers ask for.
        version: what it is, from 2.0.0 to 4.1.0.
        on_request: is told of every request, before anything comes of it.
        on_oom: of a shim that always waits for OOM events; without one there is no shim.
        on_exit: is told of containers that exit.

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
    ) -> None:
        self._guest = guest
        self._release = Release.parse(version)
        self._on_request = on_request
        self._on_oom = on_oom
        self._on_exit = on_exit
        self._process = self._start()
        self._fault = Fault()
        self._clock = GuestClock(clock)
        self.server = Server(self.handle, clock=self._clock)
        self._answers: Mapping[str, Mapping[str, Answer]] = {
            "grpc.Health": {"Check": self._check, "Version": self._say_version},
            _SERVICE: {
                "GetMetrics": self._get_metrics,
                "StatsContainer": self._stats_container,
                "GetGuestDetails": self._get_guest_details,
                "GetOOMEvent": self._get_oom_event,
            },
        }

    @property
    def fault(self) -> Fault:
        """What it suffers from."""
        return self._fault

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
        watched = container_id != self._guest.container_ids[0]
        if watched and makes_event(kills, self._guest.cgroup, self._release):
            self._running().oom_events.put(container_id)
        if victim is Victim.INIT:
            self._guest.stop_container(container_id)
            if self._on_exit is not None:
                self._on_exit(container_id, KILLED)

    async def handle(self, request: ServerRequest) -> bytes:
        """Answer a request.

        Raises:
            StatusError: as the agent would.
        """
        if self._on_request is not None:
            self._on_request(request)
        return await self._fault.answer(request, self._answer)

    async def _answer(self, request: ServerRequest) -> bytes:
        methods = self._answers.get(request.service, {})
        answer = methods.get(request.method)
        if answer is None:
            raise self._unanswered(request)
        return (await answer(request.payload)).SerializeToString()

    def _unanswered(self, request: ServerRequest) -> StatusError:
        path = f"/{request.service}/{request.method}"
        if request.service == _SERVICE and self._release.serves(request.method):
            # What a server of ttrpc says by itself of a method that nobody has written.
            return StatusError(Code.NOT_FOUND, f"{path} is not supported")
        if not self._release.has(Feature.UNKNOWN_IS_UNIMPLEMENTED):
            return StatusError(Code.INVALID_ARGUMENT, f"{path} does not exist")
        if request.service not in self._answers:
            return StatusError(Code.INVALID_ARGUMENT, f"{request.service} service does not exist")
        return StatusError(Code.UNIMPLEMENTED, f"{request.method} method")

    def _start(self) -> "_Process":
        return _Process(self._guest.boots, OomQueue(self._on_oom))

    def _running(self) -> "_Process":
        if self._process.boots != self._guest.boots:
            self._process = self._start()
        return self._process

    async def _check(self, payload: bytes) -> Message:
        _decode(health_pb2.CheckRequest, payload)
        return health_pb2.HealthCheckResponse(status="SERVING")

    async def _say_version(self, payload: bytes) -> Message:
        _decode(health_pb2.CheckRequest, payload)
        return health_pb2.VersionCheckResponse(
            grpc_version=_GRPC_VERSION, agent_version=str(self._release)
        )

    async def _get_metrics(self, payload: bytes) -> Message:
        _decode(agent_pb2.GetMetricsRequest, payload)
        process = self._running()
        process.scrapes += 1
        text = metrics_text(self._guest.state(), scrapes=process.scrapes, release=self._release)
        return agent_pb2.Metrics(metrics=text)

    async def _stats_container(self, payload: bytes) -> Message:
        request = _decode(agent_pb2.StatsContainerRequest, payload)
        if not self._release.has(Feature.OOM_WAITERS_APART):
            await self._running().oom_events.one_in_line()
        usage = self._guest.state().containers.get(request.container_id)
        if usage is None:
            quote = '"' if self._release.has(Feature.QUOTED_ERRORS) else ""
            raise StatusError(Code.INVALID_ARGUMENT, f"{quote}invalid container id{quote}")
        return stats_response(usage, cgroup=self._guest.cgroup, release=self._release)

    async def _get_guest_details(self, payload: bytes) -> Message:
        request = _decode(agent_pb2.GuestDetailsRequest, payload)
        return agent_pb2.GuestDetailsResponse(
            mem_block_size_bytes=_MEM_BLOCK_BYTES if request.mem_block_size else 0,
            agent_details=agent_pb2.AgentDetails(
                version=str(self._release), init_daemon=True, storage_handlers=_STORAGE_HANDLERS
            ),
        )

    async def _get_oom_event(self, payload: bytes) -> Message:
        _decode(agent_pb2.GetOOMEventRequest, payload)
        return agent_pb2.OOMEvent(container_id=await self._running().oom_events.take())


def _decode(message: type[RequestT], payload: bytes) -> RequestT:
    try:
        return message.FromString(payload)
    except DecodeError:
        raise StatusError(Code.UNKNOWN, "ttrpc err: Unexpected EOF") from None
