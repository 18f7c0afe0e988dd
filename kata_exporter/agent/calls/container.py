"""`ContainerMethods` of the client."""

import logging

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.arguments import checked_id, checked_type, container_id
from kata_exporter.agent.calls.process import ProcessCalls
from kata_exporter.agent.collaborators import SharedRootfs
from kata_exporter.agent.guest_spec import guest_spec
from kata_exporter.agent.interface.container import ContainerMethods
from kata_exporter.agent.messages.container import DEVICE, STORAGE
from kata_exporter.agent.messages.oci import RESOURCES, SPEC
from kata_exporter.agent.methods import (
    CREATE_CONTAINER,
    PAUSE_CONTAINER,
    REMOVE_CONTAINER,
    RESUME_CONTAINER,
    START_CONTAINER,
    UPDATE_CONTAINER,
)
from kata_exporter.agent.types import ContainerConfig, Process, SandboxConfig, oci
from kata_exporter.model import Container

logger = logging.getLogger(__name__)


class ContainerCalls(ProcessCalls, ContainerMethods):
    """A container's life."""

    async def create_container(
        self,
        sandbox: SandboxConfig,
        container: ContainerConfig,
        *,
        deadline: float | None = None,
    ) -> Process:
        checked_type("sandbox", sandbox, SandboxConfig)
        checked_id("container.id", checked_type("container", container, ContainerConfig).id)
        SPEC.encode(container.spec, "container.spec")
        # Once before anything is shared, so that bad arguments leave nothing to be undone.
        _create_request(sandbox, container, SharedRootfs("/"))
        try:
            rootfs = await self._host.sharing.share_rootfs(sandbox, container)
            request = _create_request(sandbox, container, rootfs)
            await self._caller.call(
                CREATE_CONTAINER, request, deadline=deadline, container=Container(container.id)
            )
        except BaseException:
            await self._unshare(sandbox, container)
            raise
        return self._started(container.id)

    async def start_container(self, container: Container, *, deadline: float | None = None) -> None:
        request = pb.StartContainerRequest(container_id=container_id(container))
        await self._caller.call(START_CONTAINER, request, deadline=deadline, container=container)

    async def stop_container(self, container: Container, *, deadline: float | None = None) -> None:
        # Its time-out stays 0: the guest waits for the processes for as long as the call may last.
        request = pb.RemoveContainerRequest(container_id=container_id(container))
        await self._caller.call(REMOVE_CONTAINER, request, deadline=deadline, container=container)

    async def update_container(
        self,
        container: Container,
        resources: oci.LinuxResources,
        *,
        deadline: float | None = None,
    ) -> None:
        request = pb.UpdateContainerRequest(
            container_id=container_id(container),
            resources=RESOURCES.encode(resources, "resources"),
        )
        await self._caller.call(UPDATE_CONTAINER, request, deadline=deadline, container=container)

    async def pause_container(self, container: Container, *, deadline: float | None = None) -> None:
        request = pb.PauseContainerRequest(container_id=container_id(container))
        await self._caller.call(PAUSE_CONTAINER, request, deadline=deadline, container=container)

    async def resume_container(
        self, container: Container, *, deadline: float | None = None
    ) -> None:
        request = pb.ResumeContainerRequest(container_id=container_id(container))
        await self._caller.call(RESUME_CONTAINER, request, deadline=deadline, container=container)

    async def _unshare(self, sandbox: SandboxConfig, container: ContainerConfig) -> None:
        try:
            await self._host.sharing.unshare_rootfs(sandbox, container)
        except Exception:
            # What failed before is what the caller has to know.
            logger.exception("can't unshare the files of container %s", container.id)


def _create_request(
    sandbox: SandboxConfig, container: ContainerConfig, rootfs: SharedRootfs
) -> pb.CreateContainerRequest:
    spec, shares_pid_namespace = guest_spec(container.spec, sandbox, rootfs)
    return pb.CreateContainerRequest(
        container_id=container.id,
        exec_id=container.id,
        storages=[
            *STORAGE.encode_all(rootfs.storages, "rootfs.storages"),
            *STORAGE.encode_all(container.storages, "container.storages"),
        ],
        devices=DEVICE.encode_all(container.devices, "container.devices"),
        OCI=SPEC.encode(spec, "container.spec"),
        sandbox_pidns=shares_pid_namespace,
    )
