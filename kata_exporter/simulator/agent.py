"""The agent of a simulated guest: what it answers to each call, and how it can be made to fail."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.container_stats import stats_response
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.guest import SimulatedGuest
from kata_exporter.simulator.guest_clock import GuestClock
from kata_exporter.simulator.metrics_text import metrics_text
from kata_exporter.simulator.oom_queue import OomQueue
from kata_exporter.ttrpc import Code, Server, ServerRequest, StatusError

RequestT = TypeVar("RequestT", bound=Message)


_GRPC_VERSION = "0.0.1"
_MEM_BLOCK_BYTES = 128 << 20
_STORAGE_HANDLERS = """
    ephemeral erofs.multi-layer blk virtio-fs mmioblk overlayfs scsi watchable-bind image_guest_pull
    nvdimm local
""".split()

OnRequest = Callable[[ServerRequest], None]
Answer = Callable[[bytes], Awaitable[Message]]


class SimulatedAgent:
    """Answers as kata-agent does, or as a fault would have it.

    Args:
        guest: whose agent it is.
        clock: time for time-outs that callers ask for.
        version: what it says it is.
        on_request: is told of every request, before anything comes of it.
    """

    def __init__(
        self,
        guest: SimulatedGuest,
        clock: Clock,
        *,
        version: str = "4.1.0",
        on_request: OnRequest | None = None,
    ) -> None:
        self._guest = guest
        self._version = version
        self._on_request = on_request
        self._scrapes = 0
        self._oom_events = OomQueue()
        self._fault = Fault()
        self._clock = GuestClock(clock)
        self.server = Server(self.handle, clock=self._clock)
        self._answers: Mapping[str, Mapping[str, Answer]] = {
            "grpc.Health": {"Check": self._check, "Version": self._say_version},
            "grpc.AgentService": {
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

    def kill_for_memory(self, container_id: str) -> None:
        """Let the guest's kernel kill a process of a container.

        On cgroup v2 the agent sends an event for the first kill of a container, and none for its
        pause container.

        Raises:
            KeyError: there is no such container.
        """
        kills = self._guest.count_oom_kill(container_id)
        if kills == 1 and container_id != self._guest.container_ids[0]:
            self._oom_events.put(container_id)

    async def handle(self, request: ServerRequest) -> bytes:
        """Answer a request.

        Raises:
            StatusError: as the agent would.
        """
        if self._on_request is not None:
            self._on_request(request)
        return await self._fault.answer(request, self._answer)

    async def _answer(self, request: ServerRequest) -> bytes:
        methods = self._answers.get(request.service)
        if methods is None:
            raise StatusError(Code.INVALID_ARGUMENT, f"{request.service} service does not exist")
        answer = methods.get(request.method)
        if answer is None:
            raise StatusError(Code.UNIMPLEMENTED, f"{request.method} method")
        return (await answer(request.payload)).SerializeToString()

    async def _check(self, payload: bytes) -> Message:
        _decode(health_pb2.CheckRequest, payload)
        return health_pb2.HealthCheckResponse(status="SERVING")

    async def _say_version(self, payload: bytes) -> Message:
        _decode(health_pb2.CheckRequest, payload)
        return health_pb2.VersionCheckResponse(
            grpc_version=_GRPC_VERSION, agent_version=self._version
        )

    async def _get_metrics(self, payload: bytes) -> Message:
        _decode(agent_pb2.GetMetricsRequest, payload)
        self._scrapes += 1
        text = metrics_text(self._guest.state(), scrapes=self._scrapes)
        return agent_pb2.Metrics(metrics=text)

    async def _stats_container(self, payload: bytes) -> Message:
        request = _decode(agent_pb2.StatsContainerRequest, payload)
        usage = self._guest.state().containers.get(request.container_id)
        if usage is None:
            raise StatusError(Code.INVALID_ARGUMENT, '"invalid container id"')
        return stats_response(usage)

    async def _get_guest_details(self, payload: bytes) -> Message:
        request = _decode(agent_pb2.GuestDetailsRequest, payload)
        return agent_pb2.GuestDetailsResponse(
            mem_block_size_bytes=_MEM_BLOCK_BYTES if request.mem_block_size else 0,
            agent_details=agent_pb2.AgentDetails(
                version=self._version, init_daemon=True, storage_handlers=_STORAGE_HANDLERS
            ),
        )

    async def _get_oom_event(self, payload: bytes) -> Message:
        _decode(agent_pb2.GetOOMEventRequest, payload)
        return agent_pb2.OOMEvent(container_id=await self._oom_events.take())


def _decode(message: type[RequestT], payload: bytes) -> RequestT:
    try:
        return message.FromString(payload)
    except DecodeError:
        raise StatusError(Code.UNKNOWN, "ttrpc err: Unexpected EOF") from None
