"""From one of containerd's envelopes to an event, or to why there is none."""

from contextlib import suppress

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_tasks_pb2 as tasks_pb2
from kata_exporter.discovery.containerd import TOPICS, IgnoredEvent
from kata_exporter.discovery.containerd.events import EventIgnored, read_event
from kata_exporter.model import OomSeen, RuntimeEvent

OOM = "containerd.events.TaskOOM"


def envelope(
    value: bytes, *, type_url: str = OOM, topic: str = "/tasks/oom", namespace: str = "k8s.io"
) -> events_pb2.Envelope:
    return events_pb2.Envelope(
        timestamp=Timestamp(seconds=7, nanos=9),
        namespace=namespace,
        topic=topic,
        event=Any(type_url=type_url, value=value),
    )


def read(of: events_pb2.Envelope) -> RuntimeEvent:
    return read_event(of, "k8s.io", {"pod-1"}.__contains__)


def ignored(of: events_pb2.Envelope) -> IgnoredEvent:
    with pytest.raises(EventIgnored) as caught:
        read(of)
    return caught.value.reason


def oom(container_id: str) -> bytes:
    return tasks_pb2.TaskOOM(container_id=container_id).SerializeToString()


@pytest.mark.parametrize("host", ["", "types.containerd.io/"])
def test_a_type_may_have_a_host_before_its_name(host: str) -> None:
    event = read(envelope(oom("c-1"), type_url=host + OOM))
    assert event == OomSeen("containerd", "c-1", "", at_ns=7_000_000_009)


@pytest.mark.parametrize("bad", ["", "../c-1", "x" * 129, "c 1", "c\n1"])
def test_a_container_without_a_right_id_is_passed_over(bad: str) -> None:
    assert ignored(envelope(oom(bad))) is IgnoredEvent.BAD_ID


def test_another_namespace_is_passed_over() -> None:
    assert ignored(envelope(oom("c-1"), namespace="moby")) is IgnoredEvent.NAMESPACE


def test_an_unknown_topic_is_passed_over() -> None:
    assert ignored(envelope(oom("c-1"), topic="/tasks/paused")) is IgnoredEvent.TOPIC


def test_a_message_of_another_topic_is_passed_over() -> None:
    assert ignored(envelope(oom("c-1"), topic="/tasks/exit")) is IgnoredEvent.MALFORMED


def test_bytes_that_are_no_message_are_passed_over() -> None:
    assert ignored(envelope(b"\xff\xff\xff")) is IgnoredEvent.MALFORMED


@given(st.binary(max_size=64), st.sampled_from(TOPICS))
def test_any_bytes_give_an_event_or_a_reason(value: bytes, topic: str) -> None:
    kinds = dict(zip(TOPICS, ("TaskStart", "TaskExit", "TaskOOM"), strict=True))
    of = envelope(value, topic=topic, type_url=f"containerd.events.{kinds[topic]}")
    with suppress(EventIgnored):
        assert read(of).source == "containerd"
