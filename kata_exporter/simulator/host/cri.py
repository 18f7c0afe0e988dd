"""A simulated container runtime's CRI (``runtime.v1.RuntimeService``), as containerd answers it."""

from collections.abc import AsyncIterator, Mapping

import grpc

from kata_exporter._pb import cri_pb2
from kata_exporter.model import ContainerState, Pod
from kata_exporter.simulator.host.cri_view import (
    CriContainer,
    CriEvent,
    CriEventKind,
    CriPod,
    CriView,
)
from kata_exporter.simulator.host.grpc_socket import Before, GrpcError, GrpcService

_KUBELET_API_VERSION = "0.1.0"
_API_VERSION = "v1"
_CONDITIONS = ("RuntimeReady", "NetworkReady")

_STATES = {
    ContainerState.CREATED: cri_pb2.CONTAINER_CREATED,
    ContainerState.RUNNING: cri_pb2.CONTAINER_RUNNING,
    ContainerState.EXITED: cri_pb2.CONTAINER_EXITED,
    ContainerState.UNKNOWN: cri_pb2.CONTAINER_UNKNOWN,
}
_EVENTS = {
    CriEventKind.CREATED: cri_pb2.CONTAINER_CREATED_EVENT,
    CriEventKind.STARTED: cri_pb2.CONTAINER_STARTED_EVENT,
    CriEventKind.STOPPED: cri_pb2.CONTAINER_STOPPED_EVENT,
    CriEventKind.DELETED: cri_pb2.CONTAINER_DELETED_EVENT,
}


class SimulatedCri:
    """Answers what a view holds.

    Args:
        view: the pods and containers.
        runtime_name: what it says it is.
        runtime_version: likewise.
        has_events: whether GetContainerEvents is there; older runtimes lack it.
        before: awaited with the name of a method before it answers, as `GrpcService` has it.
    """

    def __init__(
        self,
        view: CriView,
        *,
        runtime_name: str = "containerd",
        runtime_version: str = "v2.1.4",
        has_events: bool = True,
        before: Before | None = None,
    ) -> None:
        self._view = view
        self._runtime_name = runtime_name
        self._runtime_version = runtime_version
        self._has_events = has_events
        self._before = before

    @property
    def service(self) -> GrpcService:
        """What a `GrpcSocket` serves."""
        return GrpcService(
            cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"],
            unary={
                "Version": self._version,
                "Status": self._status,
                "ListPodSandbox": self._list_pods,
                "ListContainers": self._list_containers,
                "ContainerStatus": self._container_status,
            },
            streaming={"GetContainerEvents": self._events} if self._has_events else {},
            end_streams=self._view.events.end,
            before=self._before,
        )

    def _version(self, request: cri_pb2.VersionRequest) -> cri_pb2.VersionResponse:
        del request
        return cri_pb2.VersionResponse(
            version=_KUBELET_API_VERSION,
            runtime_name=self._runtime_name,
            runtime_version=self._runtime_version,
            runtime_api_version=_API_VERSION,
        )

    def _status(self, request: cri_pb2.StatusRequest) -> cri_pb2.StatusResponse:
        del request
        conditions = [cri_pb2.RuntimeCondition(type=name, status=True) for name in _CONDITIONS]
        return cri_pb2.StatusResponse(status=cri_pb2.RuntimeStatus(conditions=conditions))

    def _list_pods(self, request: cri_pb2.ListPodSandboxRequest) -> cri_pb2.ListPodSandboxResponse:
        wanted = request.filter
        items = [pod_sandbox(pod) for pod in self._view.pods]
        return cri_pb2.ListPodSandboxResponse(
            items=[
                item
                for item in items
                if wanted.id in {"", item.id}
                and (not wanted.HasField("state") or wanted.state.state == item.state)
                and wanted.label_selector.items() <= item.labels.items()
            ]
        )

    def _list_containers(
        self, request: cri_pb2.ListContainersRequest
    ) -> cri_pb2.ListContainersResponse:
        wanted = request.filter
        items = [container(c) for c in self._view.containers]
        return cri_pb2.ListContainersResponse(
            containers=[
                item
                for item in items
                if wanted.id in {"", item.id}
                and wanted.pod_sandbox_id in {"", item.pod_sandbox_id}
                and (not wanted.HasField("state") or wanted.state.state == item.state)
                and wanted.label_selector.items() <= item.labels.items()
            ]
        )

    def _container_status(
        self, request: cri_pb2.ContainerStatusRequest
    ) -> cri_pb2.ContainerStatusResponse:
        for of in self._view.containers:
            if of.id == request.container_id:
                return cri_pb2.ContainerStatusResponse(status=container_status(of))
        raise GrpcError(grpc.StatusCode.NOT_FOUND, f"container {request.container_id!r}: not found")

    async def _events(
        self, request: cri_pb2.GetEventsRequest
    ) -> AsyncIterator[cri_pb2.ContainerEventResponse]:
        del request
        async for event in self._view.events.follow():
            yield container_event(event)


def pod_sandbox(pod: CriPod) -> cri_pb2.PodSandbox:
    """Return what ListPodSandbox has for a pod."""
    return cri_pb2.PodSandbox(
        id=pod.id,
        metadata=_pod_metadata(pod),
        state=_pod_state(pod),
        created_at=pod.created_at,
        labels=_pod_labels(pod.pod),
        annotations=pod.annotations,
        runtime_handler=pod.pod.runtime_handler,
    )


def container(of: CriContainer) -> cri_pb2.Container:
    """Return what ListContainers has for a container."""
    return cri_pb2.Container(
        id=of.id,
        pod_sandbox_id=of.pod.id,
        metadata=cri_pb2.ContainerMetadata(name=of.container.name, attempt=of.attempt),
        image=cri_pb2.ImageSpec(image=of.container.image),
        image_ref=of.container.image,
        image_id=of.container.image,
        state=_STATES[of.container.state],
        created_at=of.created_at,
        labels=_container_labels(of),
        annotations=_container_annotations(of),
    )


def container_event(event: CriEvent) -> cri_pb2.ContainerEventResponse:
    """Return what GetContainerEvents tells of something that happened."""
    response = cri_pb2.ContainerEventResponse(
        container_id=event.id,
        container_event_type=_EVENTS[event.kind],
        created_at=event.at,
        containers_statuses=[container_status(c) for c in event.containers],
    )
    if event.pod is not None:
        response.pod_sandbox_status.CopyFrom(_pod_status(event.pod))
    return response


def _pod_status(pod: CriPod) -> cri_pb2.PodSandboxStatus:
    return cri_pb2.PodSandboxStatus(
        id=pod.id,
        metadata=_pod_metadata(pod),
        state=_pod_state(pod),
        created_at=pod.created_at,
        labels=_pod_labels(pod.pod),
        annotations=pod.annotations,
        runtime_handler=pod.pod.runtime_handler,
    )


def container_status(of: CriContainer) -> cri_pb2.ContainerStatus:
    """Return what ContainerStatus has for a container."""
    return cri_pb2.ContainerStatus(
        id=of.id,
        metadata=cri_pb2.ContainerMetadata(name=of.container.name, attempt=of.attempt),
        state=_STATES[of.container.state],
        created_at=of.created_at,
        started_at=of.started_at,
        finished_at=of.finished_at,
        exit_code=of.exit_code,
        image=cri_pb2.ImageSpec(image=of.container.image),
        image_ref=of.container.image,
        image_id=of.container.image,
        reason=of.reason,
        labels=_container_labels(of),
        annotations=_container_annotations(of),
    )


def _pod_metadata(pod: CriPod) -> cri_pb2.PodSandboxMetadata:
    return cri_pb2.PodSandboxMetadata(
        name=pod.pod.name, uid=pod.pod.uid, namespace=pod.pod.namespace, attempt=pod.attempt
    )


def _pod_state(pod: CriPod) -> cri_pb2.PodSandboxState:
    return cri_pb2.SANDBOX_READY if pod.ready else cri_pb2.SANDBOX_NOTREADY


def _kubelet_labels(pod: Pod) -> dict[str, str]:
    return {
        "io.kubernetes.pod.name": pod.name,
        "io.kubernetes.pod.namespace": pod.namespace,
        "io.kubernetes.pod.uid": pod.uid,
    }


def _pod_labels(pod: Pod) -> Mapping[str, str]:
    return {**pod.labels, **_kubelet_labels(pod)}


def _container_labels(of: CriContainer) -> Mapping[str, str]:
    # A kubelet doesn't pass the pod's own labels on to its containers.
    return {**_kubelet_labels(of.pod.pod), "io.kubernetes.container.name": of.container.name}


def _container_annotations(of: CriContainer) -> Mapping[str, str]:
    return {"io.kubernetes.container.restartCount": str(of.attempt)}
