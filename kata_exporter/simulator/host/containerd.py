"""A simulated containerd's event stream (``containerd.services.events.v1.Events``)."""

from collections.abc import AsyncIterator, Sequence

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_tasks_pb2 as tasks_pb2
from kata_exporter._pb import containerd_version_pb2 as version_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.host.containerd_filter import FilterError, Lookup, parse_filter
from kata_exporter.simulator.host.feed import Feed
from kata_exporter.simulator.host.grpc_socket import GrpcError, GrpcService

KUBERNETES_NAMESPACE = "k8s.io"
"""containerd's namespace for what CRI runs; not one of Kubernetes' own."""
CONTAINERD_VERSION = "v2.1.4"

_TASKS = {
    message.DESCRIPTOR.full_name: message
    for message in (tasks_pb2.TaskStart, tasks_pb2.TaskExit, tasks_pb2.TaskOOM)
}


class SimulatedContainerdEvents:
    """Sends what is published to who subscribes; what nobody follows is lost, as in containerd.

    Args:
        clock: time for what is published.
        namespace: where what is published happens.
    """

    def __init__(self, clock: Clock, *, namespace: str = KUBERNETES_NAMESPACE) -> None:
        self._clock = clock
        self._namespace = namespace
        self._feed: Feed[events_pb2.Envelope] = Feed(clock)

    @property
    def service(self) -> GrpcService:
        """What a `GrpcSocket` serves."""
        return GrpcService(
            events_pb2.DESCRIPTOR.services_by_name["Events"],
            unary={},
            streaming={"Subscribe": self._subscribe},
            end_streams=self._feed.end,
        )

    @property
    def subscribers(self) -> int:
        """How many subscribe."""
        return self._feed.followers

    def started(self, container_id: str, pid: int) -> events_pb2.Envelope:
        """Publish that a container's task has started; under Kata, `pid` is the VMM's."""
        return self.publish("/tasks/start", tasks_pb2.TaskStart(container_id=container_id, pid=pid))

    def exited(
        self, container_id: str, pid: int, *, exit_status: int = 0, exec_id: str = ""
    ) -> events_pb2.Envelope:
        """Publish that a container's first process has exited, or one exec'd in it."""
        exit_ = tasks_pb2.TaskExit(
            container_id=container_id,
            id=exec_id or container_id,
            pid=pid,
            exit_status=exit_status,
            exited_at=self._now(),
        )
        return self.publish("/tasks/exit", exit_)

    def oom(self, container_id: str) -> events_pb2.Envelope:
        """Publish that a container ran out of memory."""
        return self.publish("/tasks/oom", tasks_pb2.TaskOOM(container_id=container_id))

    def publish(self, topic: str, event: Message) -> events_pb2.Envelope:
        """Publish any event, and return its envelope."""
        envelope = events_pb2.Envelope(
            timestamp=self._now(), namespace=self._namespace, topic=topic
        )
        # Not Any.Pack, which puts a host before the name.
        envelope.event.type_url = event.DESCRIPTOR.full_name
        envelope.event.value = event.SerializeToString()
        self.forward(envelope)
        return envelope

    def forward(self, envelope: events_pb2.Envelope) -> None:
        """Send an envelope as it is: once more, late, or from another namespace."""
        self._feed.publish(envelope)

    @property
    def version_service(self) -> GrpcService:
        """What a `GrpcSocket` serves beside it: which containerd this is."""
        return GrpcService(
            version_pb2.DESCRIPTOR.services_by_name["Version"],
            unary={"Version": self._version},
            streaming={},
            end_streams=lambda: None,
        )

    def _version(self, request: Empty) -> version_pb2.VersionResponse:
        del request
        return version_pb2.VersionResponse(version=CONTAINERD_VERSION, revision="simulated")

    async def _subscribe(
        self, request: events_pb2.SubscribeRequest
    ) -> AsyncIterator[events_pb2.Envelope]:
        try:
            filters = [parse_filter(text) for text in request.filters]
        except FilterError as error:
            # containerd gives no code of its own for it.
            raise GrpcError(
                grpc.StatusCode.UNKNOWN,
                f"subscription error: failed parsing subscription filters: {error}",
            ) from error
        async for envelope in self._feed.follow():
            lookup = _lookup(envelope)
            if not filters or any(matches(lookup) for matches in filters):
                yield envelope

    def _now(self) -> Timestamp:
        now = Timestamp()
        now.FromNanoseconds(round(self._clock.time() * 1e9))
        return now


def _lookup(envelope: events_pb2.Envelope) -> Lookup:
    def lookup(path: Sequence[str]) -> str | None:
        match path:
            case ("namespace",):
                return envelope.namespace or None
            case ("topic",):
                return envelope.topic or None
            case ("event", name):
                return _task_field(envelope, name)
        return None

    return lookup


def _task_field(envelope: events_pb2.Envelope, name: str) -> str | None:
    message = _TASKS.get(envelope.event.type_url)
    if message is None or name not in message.DESCRIPTOR.fields_by_name:
        return None
    try:
        value = getattr(message.FromString(envelope.event.value), name)
    except DecodeError:
        return None
    return value or None if isinstance(value, str) else None
