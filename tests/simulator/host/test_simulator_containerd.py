"""A simulated containerd's event stream over real gRPC."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpc import aio

from fake_clock import FakeClock
from grpc_client import GrpcClient, connected, grpc_let_go, served
from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_tasks_pb2 as tasks_pb2
from kata_exporter._pb import containerd_version_pb2 as version_pb2
from kata_exporter._pb import cri_pb2
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcSocket
from waiting import soon

NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.fixture
def events(clock: FakeClock) -> SimulatedContainerdEvents:
    return SimulatedContainerdEvents(clock)


@pytest_asyncio.fixture
async def client(
    events: SimulatedContainerdEvents, tmp_path: Path, no_task_left: None
) -> AsyncIterator[GrpcClient]:
    del no_task_left  # asked for so that its check comes after this server's end
    async with served(tmp_path / "containerd.sock", events.service) as client:
        yield client


Subscription = aio.UnaryStreamCall[Any, Any]


async def subscribe(
    client: GrpcClient, events: SimulatedContainerdEvents, *filters: str
) -> Subscription:
    before = events.subscribers
    call = client.stream("Subscribe", events_pb2.SubscribeRequest(filters=filters))
    await soon(lambda: events.subscribers > before)
    return call


async def read(call: Subscription) -> events_pb2.Envelope:
    envelope = await call.read()
    assert isinstance(envelope, events_pb2.Envelope)
    return envelope


async def received(call: Subscription, count: int) -> list[tuple[str, str]]:
    """Return topic and container of so many events."""
    envelopes = [await read(call) for _ in range(count)]
    return [(e.topic, unpacked(e).container_id) for e in envelopes]


def unpacked(envelope: events_pb2.Envelope) -> Any:
    messages: dict[str, type[Message]] = {
        "containerd.events.TaskStart": tasks_pb2.TaskStart,
        "containerd.events.TaskExit": tasks_pb2.TaskExit,
        "containerd.events.TaskOOM": tasks_pb2.TaskOOM,
    }
    return messages[envelope.event.type_url].FromString(envelope.event.value)


async def test_an_oom_event_is_as_containerd_writes_it(
    client: GrpcClient, events: SimulatedContainerdEvents
) -> None:
    call = await subscribe(client, events)

    events.oom("c-1")
    envelope = await read(call)

    assert (envelope.topic, envelope.namespace) == ("/tasks/oom", "k8s.io")
    assert envelope.timestamp.ToNanoseconds() == NOW * 10**9
    assert envelope.event.type_url == "containerd.events.TaskOOM"
    assert envelope.event.value == b"\x0a\x03c-1"


async def test_start_and_exit_say_which_process(
    client: GrpcClient, events: SimulatedContainerdEvents, clock: FakeClock
) -> None:
    call = await subscribe(client, events)

    events.started("c-1", 4711)
    clock.advance(2.5)
    events.exited("c-1", 4711, exit_status=137)
    events.exited("c-1", 4712, exec_id="probe")
    start, exit_, exec_exit = [unpacked(await read(call)) for _ in range(3)]

    assert start == tasks_pb2.TaskStart(container_id="c-1", pid=4711)
    assert (exit_.container_id, exit_.id, exit_.pid) == ("c-1", "c-1", 4711)
    assert exit_.exit_status == 137
    assert exit_.exited_at.ToNanoseconds() == NOW * 10**9 + 2_500_000_000
    assert (exec_exit.container_id, exec_exit.id, exec_exit.exit_status) == ("c-1", "probe", 0)


async def test_each_subscriber_gets_what_any_of_its_filters_matches(
    client: GrpcClient, events: SimulatedContainerdEvents
) -> None:
    everything = await subscribe(client, events)
    ooms = await subscribe(client, events, 'topic~="/tasks/oom"')
    some = await subscribe(
        client,
        events,
        'namespace==k8s.io,topic=="/tasks/exit"',
        "event.container_id==c-2,topic~=|^/tasks/oom$|",
    )

    events.started("c-1", 1)
    events.oom("c-1")
    events.exited("c-1", 1)
    events.oom("c-2")

    assert await received(everything, 4) == [
        ("/tasks/start", "c-1"),
        ("/tasks/oom", "c-1"),
        ("/tasks/exit", "c-1"),
        ("/tasks/oom", "c-2"),
    ]
    assert await received(ooms, 2) == [("/tasks/oom", "c-1"), ("/tasks/oom", "c-2")]
    assert await received(some, 2) == [("/tasks/exit", "c-1"), ("/tasks/oom", "c-2")]


@pytest.mark.parametrize(
    "nothing",
    ["namespace==moby", "event.pid==1", "event.exited_at", "event.__class__", "event.x.y"],
)
async def test_a_filter_on_what_is_not_there_matches_nothing(
    client: GrpcClient, events: SimulatedContainerdEvents, nothing: str
) -> None:
    call = await subscribe(client, events, nothing, "event.container_id==last")

    events.exited("c-1", 1)
    events.oom("last")

    assert await received(call, 1) == [("/tasks/oom", "last")]


async def test_other_events_and_namespaces_can_be_sent_too(
    client: GrpcClient, events: SimulatedContainerdEvents, clock: FakeClock
) -> None:
    docker = SimulatedContainerdEvents(clock, namespace="moby")
    call = await subscribe(client, events, "event.container_id", "namespace==moby")

    broken = events_pb2.Envelope(topic="/tasks/oom", namespace="k8s.io")
    broken.event.type_url = "containerd.events.TaskOOM"
    broken.event.value = b"\xff"
    events.forward(broken)
    events.publish("/other", cri_pb2.Container(id="c-1"))
    events.forward(docker.publish("/other", cri_pb2.Container(id="c-2")))
    envelope = await read(call)

    assert (envelope.topic, envelope.namespace) == ("/other", "moby")
    assert envelope.event.type_url == "runtime.v1.Container"


async def test_an_event_can_be_sent_twice_and_in_another_order(
    client: GrpcClient, events: SimulatedContainerdEvents
) -> None:
    first = events.oom("c-1")
    call = await subscribe(client, events)

    second = events.oom("c-2")
    events.forward(first)
    events.forward(second)

    # The one before the subscription was lost.
    assert await received(call, 3) == [
        ("/tasks/oom", "c-2"),
        ("/tasks/oom", "c-1"),
        ("/tasks/oom", "c-2"),
    ]


async def test_a_filter_that_cannot_be_read_ends_the_subscription(client: GrpcClient) -> None:
    request = events_pb2.SubscribeRequest(filters=["topic==/tasks/oom"])

    with pytest.raises(aio.AioRpcError) as caught:
        await client.stream("Subscribe", request).read()

    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert "failed parsing subscription filters" in str(caught.value.details())


async def test_a_subscriber_that_leaves_is_forgotten(
    client: GrpcClient, events: SimulatedContainerdEvents
) -> None:
    call = await subscribe(client, events)

    call.cancel()

    assert await soon(lambda: events.subscribers == 0)


async def test_a_stop_delivers_what_was_published_and_ends_the_streams(
    events: SimulatedContainerdEvents, tmp_path: Path
) -> None:
    socket = GrpcSocket(tmp_path / "containerd.sock", [events.service])
    await socket.start()
    async with connected(socket.path, events.service.descriptor) as client:
        call = await subscribe(client, events)
        events.oom("c-1")

        await socket.stop()

        assert await received(call, 1) == [("/tasks/oom", "c-1")]
        with pytest.raises(aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_events_and_cri_share_a_socket_as_in_containerd(
    events: SimulatedContainerdEvents, clock: FakeClock, tmp_path: Path
) -> None:
    cri = SimulatedCri(CriView(clock))
    socket = GrpcSocket(tmp_path / "containerd.sock", [cri.service, events.service])
    await socket.start()
    async with (
        connected(socket.path, events.service.descriptor) as subscriber,
        connected(socket.path, cri.service.descriptor) as lister,
    ):
        call = await subscribe(subscriber, events)
        events.oom("c-1")

        assert await received(call, 1) == [("/tasks/oom", "c-1")]
        assert not (await lister.call("ListContainers", cri_pb2.ListContainersRequest())).containers
    await socket.stop()


async def test_it_says_which_containerd_it_is(
    events: SimulatedContainerdEvents, tmp_path: Path, no_task_left: None
) -> None:
    del no_task_left
    async with served(tmp_path / "version.sock", events.version_service) as client:
        version = await client.call("Version", Empty())

    assert version == version_pb2.VersionResponse(version="v2.1.4", revision="simulated")
