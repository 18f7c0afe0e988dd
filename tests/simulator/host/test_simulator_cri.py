"""A simulated CRI over real gRPC: lists, filters, and events as pods and containers come and go."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from grpc import aio

from fake_clock import FakeClock
from grpc_client import GrpcClient, grpc_let_go, served
from kata_exporter._pb import cri_pb2
from kata_exporter.model import Pod
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from waiting import soon

SERVICE = cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"]
WEB = Pod("shop", "web-0", "uid-1", "kata", {"app": "web"})
KUBELET_LABELS = {
    "io.kubernetes.pod.name": "web-0",
    "io.kubernetes.pod.namespace": "shop",
    "io.kubernetes.pod.uid": "uid-1",
}
NOW = 1_800_000_000_000_000_000


@pytest.fixture
def view(clock: FakeClock) -> CriView:
    """Two pods with one container each; what happened so far was told to nobody."""
    view = CriView(clock)
    view.add_pod("pod-1", WEB, annotations={"note": "first"})
    view.add_container("pod-1", "c-1", "app", image="docker.io/library/web:1")
    view.add_pod("pod-2", Pod("billing", "job-7", "uid-2"))
    view.add_container("pod-2", "c-2", "worker", started=False)
    clock.advance(301)  # longer than events are held
    return view


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest_asyncio.fixture
async def client(view: CriView, tmp_path: Path, no_task_left: None) -> AsyncIterator[GrpcClient]:
    del no_task_left  # asked for so that its check comes after this server's end
    async with served(tmp_path / "cri.sock", SimulatedCri(view).service) as client:
        yield client


async def pods(client: GrpcClient, **wanted: Any) -> list[cri_pb2.PodSandbox]:
    request = cri_pb2.ListPodSandboxRequest(filter=cri_pb2.PodSandboxFilter(**wanted))
    return list((await client.call("ListPodSandbox", request)).items)


async def containers(client: GrpcClient, **wanted: Any) -> list[cri_pb2.Container]:
    request = cri_pb2.ListContainersRequest(filter=cri_pb2.ContainerFilter(**wanted))
    return list((await client.call("ListContainers", request)).containers)


class Watch:
    """What GetContainerEvents tells, as pairs of its kind and id."""

    def __init__(self, call: aio.UnaryStreamCall[Any, Any]) -> None:
        self._call = call

    @classmethod
    async def begin(cls, client: GrpcClient, view: CriView) -> "Watch":
        watch = cls(client.stream("GetContainerEvents", cri_pb2.GetEventsRequest()))
        await soon(lambda: view.events.followers == 1)
        return watch

    async def event(self) -> cri_pb2.ContainerEventResponse:
        event = await self._call.read()
        assert isinstance(event, cri_pb2.ContainerEventResponse)
        return event

    async def told(self, count: int) -> list[tuple[str, str]]:
        kinds = cri_pb2.ContainerEventType
        events = [await self.event() for _ in range(count)]
        return [
            (
                kinds.Name(e.container_event_type)
                .removeprefix("CONTAINER_")
                .removesuffix("_EVENT"),
                e.container_id,
            )
            for e in events
        ]


async def test_version_and_status_are_those_of_a_ready_runtime(client: GrpcClient) -> None:
    version = await client.call("Version", cri_pb2.VersionRequest())
    status = await client.call("Status", cri_pb2.StatusRequest())

    assert version == cri_pb2.VersionResponse(
        version="0.1.0",
        runtime_name="containerd",
        runtime_version="v2.1.4",
        runtime_api_version="v1",
    )
    conditions = {c.type: c.status for c in status.status.conditions}
    assert conditions == {"RuntimeReady": True, "NetworkReady": True}


async def test_a_pod_is_listed_with_all_that_cri_knows(client: GrpcClient) -> None:
    first, _ = await pods(client)

    assert first == cri_pb2.PodSandbox(
        id="pod-1",
        metadata=cri_pb2.PodSandboxMetadata(name="web-0", uid="uid-1", namespace="shop"),
        state=cri_pb2.SANDBOX_READY,
        created_at=NOW,
        labels={"app": "web", **KUBELET_LABELS},
        annotations={"note": "first"},
        runtime_handler="kata",
    )


async def test_a_container_is_listed_with_a_kubelets_labels_and_not_its_pods(
    client: GrpcClient,
) -> None:
    first, second = await containers(client)

    assert first == cri_pb2.Container(
        id="c-1",
        pod_sandbox_id="pod-1",
        metadata=cri_pb2.ContainerMetadata(name="app"),
        image=cri_pb2.ImageSpec(image="docker.io/library/web:1"),
        image_ref="docker.io/library/web:1",
        image_id="docker.io/library/web:1",
        state=cri_pb2.CONTAINER_RUNNING,
        created_at=NOW,
        labels={"io.kubernetes.container.name": "app", **KUBELET_LABELS},
        annotations={"io.kubernetes.container.restartCount": "0"},
    )
    assert second.state == cri_pb2.CONTAINER_CREATED


NOT_READY = cri_pb2.PodSandboxStateValue(state=cri_pb2.SANDBOX_NOTREADY)
READY = cri_pb2.PodSandboxStateValue(state=cri_pb2.SANDBOX_READY)
RUNNING = cri_pb2.ContainerStateValue(state=cri_pb2.CONTAINER_RUNNING)
CREATED = cri_pb2.ContainerStateValue(state=cri_pb2.CONTAINER_CREATED)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["pod-1", "pod-2"]),
        ({"id": "pod-2"}, ["pod-2"]),
        ({"id": "pod"}, []),
        ({"state": READY}, ["pod-1"]),
        ({"state": NOT_READY}, ["pod-2"]),
        ({"label_selector": {"app": "web"}}, ["pod-1"]),
        ({"label_selector": {"app": "api"}}, []),
        ({"label_selector": {"app": "web", "io.kubernetes.pod.uid": "uid-2"}}, []),
        ({"label_selector": {"io.kubernetes.pod.uid": "uid-2"}, "state": NOT_READY}, ["pod-2"]),
        ({"id": "pod-1", "state": NOT_READY}, []),
    ],
)
async def test_pods_are_filtered_by_all_that_is_set(
    client: GrpcClient, view: CriView, wanted: dict[str, Any], found: list[str]
) -> None:
    view.stop_pod("pod-2")

    assert [pod.id for pod in await pods(client, **wanted)] == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["c-1", "c-2"]),
        ({"id": "c-2"}, ["c-2"]),
        ({"pod_sandbox_id": "pod-1"}, ["c-1"]),
        ({"pod_sandbox_id": "pod-3"}, []),
        ({"state": RUNNING}, ["c-1"]),
        ({"state": CREATED}, ["c-2"]),
        ({"label_selector": {"io.kubernetes.container.name": "worker"}}, ["c-2"]),
        ({"label_selector": {"app": "web"}}, []),
        ({"pod_sandbox_id": "pod-1", "state": CREATED}, []),
    ],
)
async def test_containers_are_filtered_by_all_that_is_set(
    client: GrpcClient, wanted: dict[str, Any], found: list[str]
) -> None:
    assert [c.id for c in await containers(client, **wanted)] == found


async def test_a_request_without_a_filter_lists_all(client: GrpcClient) -> None:
    answer = await client.call("ListPodSandbox", cri_pb2.ListPodSandboxRequest())

    assert len(answer.items) == 2


async def test_a_pods_life_is_told_in_order(client: GrpcClient, view: CriView) -> None:
    watch = await Watch.begin(client, view)

    view.add_pod("pod-3", Pod("media", "cache-0", "uid-3"))
    view.add_container("pod-3", "c-3", "app")
    view.remove_pod("pod-3")

    assert await watch.told(8) == [
        ("CREATED", "pod-3"),
        ("STARTED", "pod-3"),
        ("CREATED", "c-3"),
        ("STARTED", "c-3"),
        ("STOPPED", "c-3"),
        ("STOPPED", "pod-3"),
        ("DELETED", "c-3"),
        ("DELETED", "pod-3"),
    ]
    assert [pod.id for pod in await pods(client)] == ["pod-1", "pod-2"]


async def test_an_event_shows_sandbox_and_containers_as_they_were_after_it(
    client: GrpcClient, view: CriView, clock: FakeClock
) -> None:
    watch = await Watch.begin(client, view)

    clock.advance(1)
    view.exit_container("c-1", exit_code=137, reason="OOMKilled")
    view.remove_container("c-1")
    stopped, deleted = await watch.event(), await watch.event()

    at = NOW + 302 * 10**9
    assert stopped.created_at == at
    assert stopped.pod_sandbox_status == cri_pb2.PodSandboxStatus(
        id="pod-1",
        metadata=cri_pb2.PodSandboxMetadata(name="web-0", uid="uid-1", namespace="shop"),
        created_at=NOW,
        labels={"app": "web", **KUBELET_LABELS},
        annotations={"note": "first"},
        runtime_handler="kata",
    )
    (status,) = stopped.containers_statuses
    assert (status.id, status.state) == ("c-1", cri_pb2.CONTAINER_EXITED)
    assert (status.exit_code, status.reason) == (137, "OOMKilled")
    assert (status.created_at, status.started_at, status.finished_at) == (NOW, NOW, at)
    assert not deleted.containers_statuses


async def test_a_deleted_sandbox_has_no_status_in_its_event(
    client: GrpcClient, view: CriView
) -> None:
    watch = await Watch.begin(client, view)

    view.remove_pod("pod-2")
    events = [await watch.event() for _ in range(3)]

    assert [e.HasField("pod_sandbox_status") for e in events] == [True, True, False]
    assert events[-1].container_id == "pod-2"


async def test_a_restarted_container_is_another_with_the_next_attempt(
    client: GrpcClient, view: CriView
) -> None:
    watch = await Watch.begin(client, view)

    view.exit_container("c-1", exit_code=1)
    view.restart_container("c-1", "c-1b")

    assert await watch.told(3) == [("STOPPED", "c-1"), ("CREATED", "c-1b"), ("STARTED", "c-1b")]
    old, new = await containers(client, pod_sandbox_id="pod-1")
    assert (old.id, old.state, old.metadata.attempt) == ("c-1", cri_pb2.CONTAINER_EXITED, 0)
    assert (new.id, new.state, new.metadata.attempt) == ("c-1b", cri_pb2.CONTAINER_RUNNING, 1)
    assert new.metadata.name == old.metadata.name
    assert new.image == old.image
    assert new.annotations["io.kubernetes.container.restartCount"] == "1"


async def test_one_dead_container_of_a_name_is_kept(client: GrpcClient, view: CriView) -> None:
    for old, new in (("c-1", "c-1b"), ("c-1b", "c-1c")):
        view.exit_container(old)
        view.restart_container(old, new)

    assert [c.id for c in await containers(client, pod_sandbox_id="pod-1")] == ["c-1b", "c-1c"]


async def test_a_replaced_pod_shares_its_name_until_the_old_one_is_removed(
    client: GrpcClient, view: CriView
) -> None:
    view.replace_pod("pod-1", "pod-1b", uid="uid-9")

    same_name = {"label_selector": {"io.kubernetes.pod.name": "web-0"}}
    old, new = await pods(client, **same_name)
    assert (old.id, old.state, old.metadata.uid) == ("pod-1", cri_pb2.SANDBOX_NOTREADY, "uid-1")
    assert (new.id, new.state, new.metadata.uid) == ("pod-1b", cri_pb2.SANDBOX_READY, "uid-9")
    assert new.metadata.attempt == 0
    assert new.labels["io.kubernetes.pod.uid"] == "uid-9"

    view.remove_pod("pod-1")
    assert [pod.id for pod in await pods(client, **same_name)] == ["pod-1b"]
    assert await containers(client, pod_sandbox_id="pod-1") == []


async def test_a_pod_that_lost_its_sandbox_gets_another_as_the_next_attempt(
    client: GrpcClient, view: CriView
) -> None:
    view.replace_pod("pod-1", "pod-1b")

    (new,) = await pods(client, id="pod-1b")
    assert (new.metadata.uid, new.metadata.attempt) == ("uid-1", 1)


async def test_what_nobody_followed_is_told_to_the_first_who_asks_within_five_minutes(
    client: GrpcClient, view: CriView, clock: FakeClock
) -> None:
    view.start_container("c-2")
    clock.advance(299)
    view.exit_container("c-2")
    clock.advance(2)

    watch = await Watch.begin(client, view)
    view.remove_container("c-2")

    assert await watch.told(2) == [("STOPPED", "c-2"), ("DELETED", "c-2")]


async def test_each_follower_gets_every_event(client: GrpcClient, view: CriView) -> None:
    calls = [client.stream("GetContainerEvents", cri_pb2.GetEventsRequest()) for _ in range(2)]
    await soon(lambda: view.events.followers == 2)

    view.start_container("c-2")

    for call in calls:
        assert await Watch(call).told(1) == [("STARTED", "c-2")]


async def test_a_follower_that_leaves_is_forgotten(client: GrpcClient, view: CriView) -> None:
    call = client.stream("GetContainerEvents", cri_pb2.GetEventsRequest())
    await soon(lambda: view.events.followers == 1)

    call.cancel()

    assert await soon(lambda: view.events.followers == 0)


async def test_a_runtime_without_events_says_so(view: CriView, tmp_path: Path) -> None:
    old = SimulatedCri(view, has_events=False)
    async with served(tmp_path / "cri.sock", old.service) as client:
        with pytest.raises(aio.AioRpcError) as caught:
            await client.stream("GetContainerEvents", cri_pb2.GetEventsRequest()).read()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert len(await pods(client)) == 2


def test_a_message_of_the_trimmed_interface_keeps_what_it_does_not_know() -> None:
    network = b"\x2a\x06\x0a\x04fd::"  # PodSandboxStatus.network, which is left out here

    status: Message = cri_pb2.PodSandboxStatus.FromString(b"\x0a\x01a" + network)

    assert status.SerializeToString() == b"\x0a\x01a" + network
