"""A client of gRPC services on a unix socket, built from their descriptors."""

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from kata_exporter.simulator.host.grpc_socket import GrpcService, GrpcSocket
from waiting import eventually


class GrpcClient:
    """Calls the methods of one service; see `connected`."""

    def __init__(
        self, channel: aio.Channel, service: ServiceDescriptor, *, name: str | None = None
    ) -> None:
        self._channel = channel
        self._service = service
        self._name = name or service.full_name

    async def call(self, method: str, request: Message) -> Any:
        """Return the answer to a unary call; raises `aio.AioRpcError`."""
        return await self._channel.unary_unary(*self._how(method))(request)

    def stream(self, method: str, request: Message) -> aio.UnaryStreamCall[Any, Any]:
        """Start a streaming call; ``read()`` gives `aio.EOF` at its end."""
        return self._channel.unary_stream(*self._how(method))(request)

    def _how(self, method: str) -> tuple[str, Any, Any]:
        descriptor: MethodDescriptor = self._service.methods_by_name[method]
        return (
            f"/{self._name}/{method}",
            GetMessageClass(descriptor.input_type).SerializeToString,
            GetMessageClass(descriptor.output_type).FromString,
        )


@asynccontextmanager
async def connected(
    path: Path, service: ServiceDescriptor, *, name: str | None = None
) -> AsyncIterator[GrpcClient]:
    """Connect to a socket; `name` is what the service is called there, if not as its descriptor."""
    async with aio.insecure_channel(f"unix:{path}") as channel:
        client = GrpcClient(channel, service, name=name)
        yield client
    # gRPC stays up as long as a channel exists, and pytest keeps what a fixture gave to the last.
    del client._channel, channel


@asynccontextmanager
async def served(path: Path, service: GrpcService) -> AsyncIterator[GrpcClient]:
    """Serve a service and connect to it.

    A fixture that does so has to ask for ``no_task_left`` first: a server of gRPC makes a new task
    whenever one is taken up, which would be found left between the test and the fixture's end.
    """
    socket = GrpcSocket(path, [service])
    await socket.start()
    try:
        async with connected(path, service.descriptor) as client:
            yield client
    finally:
        await socket.stop()


@contextmanager
def grpc_let_go() -> Iterator[None]:
    """Wait until gRPC has let go of what it opened since.

    It shuts down in the background once its last server, channel and call are gone, so this
    belongs into a fixture, whose end is after the test's own objects'.
    """
    before = _poll_sets()
    yield
    gc.collect()
    eventually(lambda: _poll_sets() <= before, within=10.0)


def _poll_sets() -> set[tuple[str, str]]:
    """Return the descriptors that are not of files, sockets or pipes."""
    found: set[tuple[str, str]] = set()
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that listed the folder
            found.add((fd.name, str(fd.readlink())))
    return {(fd, what) for fd, what in found if what.startswith("anon_inode:")}
