"""Driving a container runtime through CRI, as a kubelet does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from control_pb import cri_control_pb2 as control_pb2
from grpc_client import GrpcClient, connected
from kata_exporter._pb import cri_pb2
from kata_exporter.model import Pod
from pod_image import IMAGE

_SERVICE = "runtime.v1.RuntimeService"
_HOST_NETWORK = control_pb2.NamespaceOption(network=control_pb2.NODE)


class CriControl:
    """Makes pods and containers, and ends them.

    Args:
        control: the service's writing half.
        view: its reading half.
        cgroup_parent: below which all pods' cgroups are.
    """

    def __init__(self, control: GrpcClient, view: GrpcClient, cgroup_parent: str) -> None:
        self._control = control
        self._view = view
        self._cgroup_parent = cgroup_parent
        self._configs: dict[str, control_pb2.PodSandboxConfig] = {}

    async def run_pod(self, pod: Pod) -> str:
        """Run the sandbox of a pod with a handler that is configured; return its id."""
        config = control_pb2.PodSandboxConfig(
            metadata=cri_pb2.PodSandboxMetadata(
                namespace=pod.namespace, name=pod.name, uid=pod.uid
            ),
            labels=pod.labels,
            linux=control_pb2.LinuxPodSandboxConfig(
                cgroup_parent=self._cgroup_parent,
                security_context=control_pb2.LinuxSandboxSecurityContext(
                    namespace_options=_HOST_NETWORK
                ),
            ),
        )
        request = control_pb2.RunPodSandboxRequest(
            config=config, runtime_handler=pod.runtime_handler
        )
        pod_id: str = (await self._control.call("RunPodSandbox", request)).pod_sandbox_id
        self._configs[pod_id] = config
        return pod_id

    async def run_container(
        self,
        pod_id: str,
        name: str,
        command: Sequence[str],
        *,
        attempt: int = 0,
        memory_limit_bytes: int = 0,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Create a container in a pod that was run here, and start it; return its id."""
        config = control_pb2.ContainerConfig(
            metadata=cri_pb2.ContainerMetadata(name=name, attempt=attempt),
            image=cri_pb2.ImageSpec(image=IMAGE),
            command=command,
            labels=labels,
            linux=control_pb2.LinuxContainerConfig(
                resources=control_pb2.LinuxContainerResources(
                    memory_limit_in_bytes=memory_limit_bytes
                ),
                security_context=control_pb2.LinuxContainerSecurityContext(
                    namespace_options=_HOST_NETWORK
                ),
            ),
        )
        request = control_pb2.CreateContainerRequest(
            pod_sandbox_id=pod_id, config=config, sandbox_config=self._configs[pod_id]
        )
        container_id: str = (await self._control.call("CreateContainer", request)).container_id
        await self._control.call(
            "StartContainer", control_pb2.StartContainerRequest(container_id=container_id)
        )
        return container_id

    async def kill_container(self, container_id: str) -> None:
        """Kill a container; it stays listed."""
        request = control_pb2.StopContainerRequest(container_id=container_id)
        await self._control.call("StopContainer", request)

    async def stop_pod(self, pod_id: str) -> None:
        """End a pod's sandbox and containers; they stay listed."""
        request = control_pb2.StopPodSandboxRequest(pod_sandbox_id=pod_id)
        await self._control.call("StopPodSandbox", request)

    async def remove_pod(self, pod_id: str) -> None:
        """Stop a pod, and remove it with its containers."""
        await self.stop_pod(pod_id)
        request = control_pb2.RemovePodSandboxRequest(pod_sandbox_id=pod_id)
        await self._control.call("RemovePodSandbox", request)

    async def remove_all(self) -> None:
        """Remove every pod that is listed."""
        listed = await self._view.call("ListPodSandbox", cri_pb2.ListPodSandboxRequest())
        for pod in listed.items:
            await self.remove_pod(pod.id)


@asynccontextmanager
async def controlling(socket: Path, cgroup_parent: str) -> AsyncIterator[CriControl]:
    """Connect to a runtime."""
    writing = control_pb2.DESCRIPTOR.services_by_name["RuntimeService"]
    reading = cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"]
    async with (
        connected(socket, writing, name=_SERVICE) as control,
        connected(socket, reading) as view,
    ):
        yield CriControl(control, view, cgroup_parent)
