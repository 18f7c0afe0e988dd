"""A simulated agent's calls about containers.

Codes are those of the agent's ``rpc.rs``: INVALID_ARGUMENT for a container that isn't there in
calls that only look for it, INTERNAL in those that do more, and for most else that goes wrong.
"""

import errno
import re
from collections.abc import Callable, Mapping

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.agent.containers import AgentContainer, AgentContainers
from kata_exporter.simulator.agent.handler import Handler, Quote, internal, os_error
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.ttrpc import Code, StatusError

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
_MOST_TERMINATION_BYTES = 4096


class ContainerCalls:
    """What is done with containers.

    Args:
        containers: those that there are.
        guest: where they run.
        quote: writes an error's text as this release does.
        read_file: returns what a file of the guest has in it, None where there is none.
    """

    def __init__(
        self,
        containers: AgentContainers,
        guest: SimulatedGuest,
        *,
        quote: Quote,
        read_file: Callable[[str], bytes | None],
    ) -> None:
        self._containers = containers
        self._guest = guest
        self._quote = quote
        self._read_file = read_file

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The calls, by the names of their methods."""
        return {
            "CreateContainer": self._create,
            "StartContainer": self._start,
            "RemoveContainer": self._remove,
            "UpdateContainer": self._update,
            "PauseContainer": self._pause,
            "ResumeContainer": self._resume,
            "GetDiagnosticData": self._get_diagnostic_data,
        }

    async def _create(self, request: pb.CreateContainerRequest) -> None:
        oci = request.OCI
        if _ID.fullmatch(request.container_id) is None:
            raise internal(f"invalid container ID {request.container_id}")
        if not (request.HasField("OCI") and oci.HasField("Process") and oci.HasField("Root")):
            raise os_error(errno.EINVAL)
        if not oci.HasField("Linux"):
            raise internal("the specification has no Linux part")
        try:
            self._containers.create(
                request.container_id,
                ProcessSpec.from_oci(oci.Process),
                annotations=dict(oci.Annotations),
                mounts={mount.destination: mount.source for mount in oci.Mounts},
            )
        except ValueError as error:
            raise internal(str(error)) from error

    async def _start(self, request: pb.StartContainerRequest) -> None:
        try:
            self._containers.start(self._to_change(request.container_id))
        except ValueError as error:
            raise internal(str(error)) from error

    async def _remove(self, request: pb.RemoveContainerRequest) -> None:
        # It is never `timeout` that ends it: what is killed is gone at once.
        self._containers.remove(self._to_change(request.container_id))

    async def _update(self, request: pb.UpdateContainerRequest) -> None:
        container = self._get(request.container_id)
        limit = request.resources.Memory.Limit
        if limit:  # 0 leaves it, -1 takes it away
            try:
                self._guest.limit_memory(container.id, limit if limit > 0 else None)
            except ValueError:
                raise os_error(errno.EBUSY) from None

    async def _pause(self, request: pb.PauseContainerRequest) -> None:
        container = self._get(request.container_id)
        try:
            self._containers.pause(container)
        except ValueError as error:
            raise internal(str(error)) from error

    async def _resume(self, request: pb.ResumeContainerRequest) -> None:
        container = self._get(request.container_id)
        try:
            self._containers.resume(container)
        except ValueError as error:
            raise internal(str(error)) from error

    async def _get_diagnostic_data(
        self, request: pb.GetDiagnosticDataRequest
    ) -> pb.GetDiagnosticDataResponse:
        if request.log_type != "termination_log":
            raise StatusError(
                Code.INVALID_ARGUMENT, self._quote(f"unknown log_type: {request.log_type}")
            )
        container = self._to_change(request.container_id)
        source = container.mounts.get(container.annotations.get(_TERMINATION_PATH, ""))
        if source is None:
            raise internal(f"container {container.id!r} has no termination message mounted")
        text = (self._read_file(source) or b"")[:_MOST_TERMINATION_BYTES]
        return pb.GetDiagnosticDataResponse(data=text.decode(errors="replace"))

    def _get(self, container_id: str) -> AgentContainer:
        container = self._containers.get(container_id)
        if container is None:
            raise StatusError(Code.INVALID_ARGUMENT, self._quote("invalid container id"))
        return container

    def _to_change(self, container_id: str) -> AgentContainer:
        container = self._containers.get(container_id)
        if container is None:
            raise internal("Invalid container id")
        return container
