"""A container runtime as CRI shows it: the calls of ``runtime.v1.RuntimeService`` that only look."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self, TypeVar

from google.protobuf.message import Message

from kata_exporter._pb import cri_pb2
from kata_exporter.clock import Clock
from kata_exporter.discovery.runtime import Endpoint, RuntimeChannel
from kata_exporter.errors import RuntimeAbsentError, RuntimeCallError
from kata_exporter.telemetry.hooks import CallHook

CALL_SECONDS = 10.0
"""What each call may take, connecting included."""

_SERVICE = "runtime.v1.RuntimeService"
_CONTAINERD_2 = re.compile(r"v?[2-9]|v?[1-9][0-9]")
_TEXT_CHARACTERS = 128

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class Version:
    """What a runtime says it is, as ``containerd`` and ``v2.1.4``; cut."""

    name: str
    version: str

    @property
    def tells_events_to_all(self) -> bool:
        """Whether each caller of GetContainerEvents is told every event.

        containerd does from 2.0 on. 1.7 hands each event to one caller: asking would take events
        from a kubelet that rests on them. So does CRI-O 1.26; later ones, where events are off
        unless configured, send them to one caller after the other, a slow one holding up the rest.
        """
        return self.name == "containerd" and bool(_CONTAINERD_2.match(self.version))


class CriRuntime:
    """Asks one runtime over one connection; `hook` is told of each call."""

    def __init__(self, path: str, clock: Clock, *, hook: CallHook | None = None) -> None:
        self.path = path
        self._channel = RuntimeChannel(path, clock=clock, hook=hook)

    async def version(self) -> Version:
        """Return what the runtime is (Version); raises `RuntimeCallError`."""
        answer = await self._call("Version", cri_pb2.VersionRequest(), cri_pb2.VersionResponse)
        return Version(
            answer.runtime_name[:_TEXT_CHARACTERS], answer.runtime_version[:_TEXT_CHARACTERS]
        )

    async def pods(self) -> Sequence[cri_pb2.PodSandbox]:
        """Return the sandboxes that are ready (ListPodSandbox); raises `RuntimeCallError`."""
        ready = cri_pb2.PodSandboxFilter(
            state=cri_pb2.PodSandboxStateValue(state=cri_pb2.SANDBOX_READY)
        )
        request = cri_pb2.ListPodSandboxRequest(filter=ready)
        answer = await self._call("ListPodSandbox", request, cri_pb2.ListPodSandboxResponse)
        return answer.items

    async def containers(self) -> Sequence[cri_pb2.Container]:
        """Return the containers of all pods (ListContainers); raises `RuntimeCallError`."""
        request = cri_pb2.ListContainersRequest()
        answer = await self._call("ListContainers", request, cri_pb2.ListContainersResponse)
        return answer.containers

    async def container_status(self, container_id: str) -> cri_pb2.ContainerStatus:
        """Return how a container is, or how it ended (ContainerStatus); raises `RuntimeCallError`."""
        request = cri_pb2.ContainerStatusRequest(container_id=container_id)
        answer = await self._call("ContainerStatus", request, cri_pb2.ContainerStatusResponse)
        return answer.status

    async def events(self) -> AsyncGenerator[None, None]:
        """Yield whenever the runtime tells that something happened (GetContainerEvents).

        What it says of it is passed over: it may come late, twice, out of order or never, and a
        listing holds all of it.

        Raises:
            RuntimeCallError: the stream ended; UNIMPLEMENTED, where the runtime has none.
        """
        told = self._channel.stream(
            f"{_SERVICE}/GetContainerEvents",
            cri_pb2.GetEventsRequest(),
            cri_pb2.ContainerEventResponse,
        )
        async with aclosing(told):
            async for _ in told:
                yield

    async def aclose(self) -> None:
        """Close the connection."""
        await self._channel.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def _call(self, method: str, request: Message, response: type[Response]) -> Response:
        return await self._channel.call(
            f"{_SERVICE}/{method}", request, response, seconds=CALL_SECONDS
        )


async def connect(
    endpoint: Endpoint, clock: Clock, *, hook: CallHook | None = None
) -> tuple[CriRuntime, Version]:
    """Return the first runtime of an endpoint that answers.

    Raises:
        RuntimeCallError: none does; it is the last one's.
        RuntimeAbsentError: there is no socket.
    """
    failure: RuntimeCallError = RuntimeAbsentError(endpoint.paths)
    for path in endpoint.present():
        runtime = CriRuntime(path, clock, hook=hook)
        try:
            return runtime, await runtime.version()
        except RuntimeCallError as error:
            failure = error
            await runtime.aclose()
        except BaseException:
            await runtime.aclose()
            raise
    raise failure


async def answering_path(endpoint: Endpoint, clock: Clock, *, hook: CallHook | None = None) -> str:
    """Return the socket of the first runtime that answers; raises as `connect` does."""
    runtime, _ = await connect(endpoint, clock, hook=hook)
    await runtime.aclose()
    return runtime.path
