"""From containerd's envelopes to events of the model. Pure."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_tasks_pb2 as tasks_pb2
from kata_exporter.errors import ConfigError
from kata_exporter.model import (
    CONTAINERD_NAMESPACE,
    SANDBOX_ID,
    ContainerExited,
    ContainerStarted,
    OomSeen,
    RuntimeEvent,
)

SOURCE = "containerd"

TOPICS = ("/tasks/start", "/tasks/exit", "/tasks/oom")

_PER_SECOND = 1_000_000_000

Task = TypeVar("Task", bound=Message)


class IgnoredEvent(StrEnum):
    """Why an event is passed over. A closed set."""

    NAMESPACE = "namespace"
    """Of another namespace than was asked for."""
    TOPIC = "topic"
    """Of no topic that was asked for."""
    EXEC = "exec"
    """The end of a process that was exec'd in a container, which runs on."""
    BAD_ID = "bad_id"
    """Of a container whose id isn't one."""
    MALFORMED = "malformed"
    """Not the message that its topic has."""


class EventIgnored(Exception):
    """An event that isn't told."""

    def __init__(self, reason: IgnoredEvent) -> None:
        super().__init__(reason)
        self.reason = reason


def task_filter(namespace: str) -> str:
    """Return containerd's filter for the topics of one of its namespaces.

    Raises:
        ConfigError: the name can't be a namespace's.
    """
    if not CONTAINERD_NAMESPACE.fullmatch(namespace):
        raise ConfigError(
            f"containerd.namespace {namespace!r} can't be a namespace of containerd; what "
            "Kubernetes runs is in k8s.io"
        )
    return f'namespace=="{namespace}",topic~="^/tasks/(start|exit|oom)$"'


def read_event(
    envelope: events_pb2.Envelope, namespace: str, is_sandbox: Callable[[str], bool]
) -> RuntimeEvent:
    """Return what an envelope says.

    Args:
        envelope: as containerd sent it.
        namespace: that was asked for.
        is_sandbox: whether an id is a sandbox's own.

    Raises:
        EventIgnored: it isn't told.
    """
    if envelope.namespace != namespace:
        raise EventIgnored(IgnoredEvent.NAMESPACE)
    match envelope.topic:
        case "/tasks/start":
            start = _unpack(envelope, tasks_pb2.TaskStart)
            return ContainerStarted(
                SOURCE,
                *_named(start.container_id, is_sandbox),
                pid=start.pid,
                at_ns=_nanoseconds(envelope.timestamp),
            )
        case "/tasks/exit":
            exit_ = _unpack(envelope, tasks_pb2.TaskExit)
            if exit_.id not in {"", exit_.container_id}:
                raise EventIgnored(IgnoredEvent.EXEC)
            return ContainerExited(
                SOURCE,
                *_named(exit_.container_id, is_sandbox),
                pid=exit_.pid,
                exit_status=exit_.exit_status,
                exited_at_ns=_nanoseconds(exit_.exited_at),
            )
        case "/tasks/oom":
            oom = _unpack(envelope, tasks_pb2.TaskOOM)
            return OomSeen(
                SOURCE,
                *_named(oom.container_id, is_sandbox),
                at_ns=_nanoseconds(envelope.timestamp),
            )
    raise EventIgnored(IgnoredEvent.TOPIC)


def _unpack(envelope: events_pb2.Envelope, kind: type[Task]) -> Task:
    # containerd writes the bare name; an Any may have a host before it.
    if envelope.event.type_url.rpartition("/")[2] != kind.DESCRIPTOR.full_name:
        raise EventIgnored(IgnoredEvent.MALFORMED)
    try:
        return kind.FromString(envelope.event.value)
    except DecodeError:
        raise EventIgnored(IgnoredEvent.MALFORMED) from None


def _named(id_: str, is_sandbox: Callable[[str], bool]) -> tuple[str, str]:
    """Return the ids of container and sandbox that an id means."""
    if not SANDBOX_ID.fullmatch(id_):
        raise EventIgnored(IgnoredEvent.BAD_ID)
    return ("", id_) if is_sandbox(id_) else (id_, "")


def _nanoseconds(timestamp: Timestamp) -> int:
    return timestamp.seconds * _PER_SECOND + timestamp.nanos
