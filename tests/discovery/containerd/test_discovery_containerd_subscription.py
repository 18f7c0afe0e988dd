"""The source of containerd's events on a simulated containerd: what is told, and what breaks it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf.empty_pb2 import Empty

from containerd_stage import ContainerdHookNotes, ContainerdStage, containerd_stage
from fake_clock import FakeClock, settle
from grpc_client import grpc_let_go
from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_tasks_pb2 as tasks_pb2
from kata_exporter._pb import containerd_version_pb2 as version_pb2
from kata_exporter.discovery.containerd import ContainerdEvents, containerd_endpoint
from kata_exporter.discovery.containerd.subscription import MAX_EVENT_BYTES
from kata_exporter.discovery.runtime.backoff import LAST_SECONDS
from kata_exporter.errors import ConfigError
from kata_exporter.model import (
    ContainerExited,
    ContainerStarted,
    EventsMissed,
    OomSeen,
    RuntimeEvent,
)
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcService, GrpcSocket
from waiting import soon

NOW = 1_800_000_000_000_000_000


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest_asyncio.fixture
async def stage(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> AsyncIterator[ContainerdStage]:
    del no_task_left  # asked for so that its check comes after this server's end
    async with containerd_stage(tmp_path, clock) as stage:
        yield stage


async def test_what_happens_to_a_container_is_told_in_order(stage: ContainerdStage) -> None:
    await stage.begin()
    stage.containerd.started("c-1", 42)
    stage.containerd.oom("c-1")
    stage.clock.advance(1.5)
    stage.containerd.exited("c-1", 42, exit_status=137)
    await soon(lambda: len(stage.events) == 3)

    assert stage.told == [
        EventsMissed("containerd"),
        ContainerStarted("containerd", "c-1", "", pid=42, at_ns=NOW),
        OomSeen("containerd", "c-1", "", at_ns=NOW),
        ContainerExited(
            "containerd", "c-1", "", pid=42, exit_status=137, exited_at_ns=NOW + 1_500_000_000
        ),
    ]
    assert stage.hook.is_subscribed
    assert stage.hook.events == {"/tasks/start": 1, "/tasks/oom": 1, "/tasks/exit": 1}


async def test_an_event_that_names_a_sandbox_is_about_no_container(stage: ContainerdStage) -> None:
    stage.sandboxes.add("pod-1")
    await stage.begin()
    stage.containerd.oom("pod-1")
    await soon(lambda: stage.events)

    assert stage.events == [OomSeen("containerd", "", "pod-1", at_ns=NOW)]


async def test_the_end_of_an_exec_is_passed_over(stage: ContainerdStage) -> None:
    await stage.begin()
    stage.containerd.exited("c-1", 43, exec_id="probe")
    stage.containerd.started("c-2", 44)
    await soon(lambda: stage.events)

    assert len(stage.events) == 1
    assert stage.hook.passed_over == {"exec": 1}


async def test_other_namespaces_and_topics_are_not_asked_for(stage: ContainerdStage) -> None:
    await stage.begin()
    stage.containerd.forward(events_pb2.Envelope(namespace="moby", topic="/tasks/oom"))
    stage.containerd.publish("/tasks/paused", tasks_pb2.TaskStart(container_id="c-1"))
    stage.containerd.started("c-2", 44)
    await soon(lambda: stage.events)

    assert len(stage.events) == 1
    assert not stage.hook.passed_over


async def test_another_namespace_can_be_asked_for(tmp_path: Path, clock: FakeClock) -> None:
    async with containerd_stage(tmp_path, clock, "moby") as stage:
        await stage.begin()
        of_kubernetes = stage.containerd.oom("c-1")
        of_docker = events_pb2.Envelope()
        of_docker.CopyFrom(of_kubernetes)
        of_docker.namespace = "moby"
        stage.containerd.forward(of_docker)
        await soon(lambda: stage.events)

        assert len(stage.events) == 1


async def test_events_told_twice_late_or_out_of_order_are_told_as_they_come_with_their_own_times(
    stage: ContainerdStage,
) -> None:
    """Whoever counts goes by container and time of the exit."""
    await stage.begin()
    exited = stage.containerd.exited("c-1", 42, exit_status=137)
    stage.clock.advance(60)
    stage.containerd.started("c-1", 42)
    stage.containerd.forward(exited)
    await soon(lambda: len(stage.events) == 3)

    first, _, again = stage.events
    assert first == again
    assert isinstance(first, ContainerExited)
    assert first.exited_at_ns == NOW


async def test_a_containerd_that_restarts_is_subscribed_to_again_within_five_seconds(
    stage: ContainerdStage,
) -> None:
    await stage.begin()
    assert stage.gaps == 1

    await stage.stop_containerd()
    await soon(lambda: stage.gaps == 2)
    assert not stage.hook.is_subscribed
    await stage.passes(lambda: stage.hook.errors.total() == 5, within=60.0)
    stage.containerd.oom("lost-1")

    await stage.start_containerd()
    took = await stage.passes(lambda: stage.containerd.subscribers == 1, within=10.0)
    stage.containerd.oom("c-1")
    await soon(lambda: stage.events)

    assert took <= LAST_SECONDS + 0.5
    assert stage.gaps == 3
    assert stage.told[-1] == OomSeen("containerd", "c-1", "", at_ns=round(stage.clock.time() * 1e9))
    assert stage.hook.errors.keys() == {"UNAVAILABLE"}
    assert stage.hook.interruptions == 1


async def test_an_event_that_is_too_long_costs_one_subscription(stage: ContainerdStage) -> None:
    await stage.begin()
    stage.containerd.publish("/tasks/oom", tasks_pb2.TaskOOM(container_id="x" * MAX_EVENT_BYTES))
    await soon(lambda: stage.gaps == 2)
    assert stage.hook.errors == {"RESOURCE_EXHAUSTED": 1}

    await stage.passes(lambda: stage.containerd.subscribers == 1, within=10.0)
    stage.containerd.oom("c-1")
    await soon(lambda: stage.events)


async def test_a_flood_of_events_is_told_in_full(stage: ContainerdStage) -> None:
    await stage.begin()
    for i in range(2000):
        stage.containerd.started(f"container-{i}", i)
    await soon(lambda: len(stage.events) == 2000)

    assert stage.hook.errors.total() == 0


async def test_of_several_sockets_the_one_that_answers_cri_is_subscribed_to(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    """On a node with Docker, Docker's containerd has events as well, but not of pods."""
    del no_task_left
    docker, kubelet = SimulatedContainerdEvents(clock), SimulatedContainerdEvents(clock)
    cri = SimulatedCri(CriView(clock))
    sockets = [
        GrpcSocket(tmp_path / "docker.sock", [docker.service, docker.version_service]),
        GrpcSocket(
            tmp_path / "kubelet.sock", [kubelet.service, kubelet.version_service, cri.service]
        ),
    ]
    paths = [str(tmp_path / "missing.sock"), *(str(socket.path) for socket in sockets)]
    source = ContainerdEvents(
        containerd_endpoint("auto", sockets=paths), clock=clock, is_sandbox=lambda _: False
    )
    told: list[RuntimeEvent] = []
    try:
        for socket in sockets:
            await socket.start()
        source.watch(told.append)
        await soon(lambda: kubelet.subscribers == 1)

        assert docker.subscribers == 0
    finally:
        await source.aclose()
        for socket in sockets:
            await socket.stop()


async def test_a_node_without_containerd_is_told_of_once_and_is_no_failure(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, no_task_left: None
) -> None:
    """As one with CRI-O is."""
    del no_task_left
    hook = ContainerdHookNotes()
    source = ContainerdEvents(
        containerd_endpoint("auto", sockets=[str(tmp_path / "none.sock")]),
        clock=clock,
        is_sandbox=lambda _: False,
        hook=hook,
    )
    source.watch(lambda _: None)
    try:
        for _ in range(300):
            clock.advance(1.0)
            await settle()
    finally:
        await source.aclose()

    (line,) = caplog.records
    assert "no containerd was found" in line.getMessage()
    assert not hook.errors


async def test_an_error_of_our_own_does_not_end_the_source(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with containerd_stage(tmp_path, clock) as stage:

        def tell(event: RuntimeEvent) -> None:
            stage.told.append(event)
            if isinstance(event, OomSeen):
                raise KeyError(event.container_id)

        await stage.start_containerd()
        stage.source.watch(tell)
        await soon(lambda: stage.containerd.subscribers == 1)
        stage.containerd.oom("c-1")
        await soon(lambda: stage.hook.errors["INTERNAL"] == 1)
        await soon(lambda: stage.containerd.subscribers == 0)

        await stage.passes(lambda: stage.containerd.subscribers == 1, within=10.0)
    caplog.clear()  # what the line shows the traceback of holds the connection


async def test_closing_ends_a_subscription(stage: ContainerdStage) -> None:
    await stage.begin()

    await asyncio.wait_for(stage.source.aclose(), 2.0)
    await stage.source.aclose()

    await soon(lambda: stage.containerd.subscribers == 0)
    assert stage.told == [EventsMissed("containerd")]
    assert not stage.hook.errors


async def test_closing_ends_the_call_that_finds_containerd_there(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    called = asyncio.Event()

    async def before(method: str) -> None:
        del method
        called.set()
        await clock.sleep(1e9)

    service = GrpcService(
        version_pb2.DESCRIPTOR.services_by_name["Version"],
        unary={"Version": lambda _: Empty()},
        streaming={},
        end_streams=lambda: None,
        before=before,
    )
    socket = GrpcSocket(tmp_path / "c.sock", [service])
    source = ContainerdEvents(
        containerd_endpoint(f"unix://{socket.path}"), clock=clock, is_sandbox=lambda _: False
    )
    told: list[RuntimeEvent] = []
    try:
        await socket.start()
        source.watch(told.append)
        await called.wait()

        await asyncio.wait_for(source.aclose(), 2.0)
    finally:
        await socket.stop()
    assert not told


async def test_closing_ends_the_pause_before_the_next_subscription(stage: ContainerdStage) -> None:
    stage.source.watch(stage.told.append)
    await soon(lambda: stage.hook.errors)

    await asyncio.wait_for(stage.source.aclose(), 2.0)

    assert stage.clock.pending == 0


@pytest.mark.parametrize("namespace", ["", 'k8s.io",topic=="x', "a b", "x" * 77, "k8s.io."])
def test_a_namespace_that_cannot_be_one_is_refused(clock: FakeClock, namespace: str) -> None:
    with pytest.raises(ConfigError, match=r"containerd\.namespace .* k8s\.io"):
        ContainerdEvents(
            containerd_endpoint("auto"),
            clock=clock,
            is_sandbox=lambda _: False,
            namespace=namespace,
        )
