"""gRPC services on a unix socket, as container runtimes offer them.

A service is built from its descriptor and a function per method, so that no stubs are generated.
"""

import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from kata_exporter.simulator.host.whole import whole
from kata_exporter.sockets import SUN_PATH_BYTES, bind_unix

_GRACE_SECONDS = 0.5

Unary: TypeAlias = Callable[[Any], Message]
Before: TypeAlias = Callable[[str], Awaitable[None]]
Streaming: TypeAlias = Callable[[Any], AsyncIterator[Message]]
# gRPC's classes have no parameters at run time.
Context: TypeAlias = "aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class GrpcError(Exception):
    """What a method answers instead of a message."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class GrpcService:
    """A service; a method of its descriptor that it has no function for is UNIMPLEMENTED.

    ``end_streams`` lets every streaming call come to an end, which happens as the socket closes.
    ``before`` is awaited with the name of a unary method that is called: it makes the answer late, or
    raises `GrpcError` for one.
    """

    descriptor: ServiceDescriptor
    unary: Mapping[str, Unary]
    streaming: Mapping[str, Streaming]
    end_streams: Callable[[], None]
    before: Before | None = None

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server of gRPC takes.

        Raises:
            KeyError: a function is for a method that the descriptor doesn't have.
        """
        methods = self.descriptor.methods_by_name
        handlers = {
            name: _unary(methods[name], answer, self.before) for name, answer in self.unary.items()
        }
        for name, answers in self.streaming.items():
            handlers[name] = _streaming(methods[name], answers)
        return grpc.method_handlers_generic_handler(self.descriptor.full_name, handlers)


class GrpcSocket:
    """Serves services, one or several, on one unix socket.

    Args:
        path: of the socket, 107 bytes at most.
        services: what is served there.
    """

    def __init__(self, path: Path, services: Sequence[GrpcService]) -> None:
        self.path = path
        self._services = tuple(services)
        self._server: aio.Server | None = None

    async def start(self) -> None:
        """Bind the socket, and serve; a socket that is there already is replaced.

        Raises:
            OSError: it can't be bound.
        """
        if len(os.fsencode(self.path)) > SUN_PATH_BYTES:
            raise OSError(errno.ENAMETOOLONG, "gRPC takes no socket over 107 bytes", str(self.path))
        if self.path.is_socket():
            self.path.unlink()
        # First by hand: gRPC replaces a socket, but doesn't say why it can't bind one.
        bind_unix(str(self.path)).close()
        server = aio.server()
        server.add_generic_rpc_handlers([service.handler() for service in self._services])
        server.add_insecure_port(f"unix:{self.path}")
        self._server = server
        try:
            # Halfway, a server of gRPC can't be stopped.
            await whole(server.start())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every call and remove the socket; may be called again, and started again."""
        if self._server is not None:
            for service in self._services:
                service.end_streams()
            try:
                await self._server.stop(_GRACE_SECONDS)
            finally:
                self.path.unlink(missing_ok=True)
            self._server = None


def _unary(method: MethodDescriptor, answer: Unary, before: Before | None) -> Handler:
    async def handle(request: Message, context: Context) -> Message:
        try:
            if before is not None:
                await before(method.name)
            return answer(request)
        except GrpcError as error:
            await context.abort(error.code, error.message)

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=_serialize,
    )


def _streaming(method: MethodDescriptor, answers: Streaming) -> Handler:
    async def handle(request: Message, context: Context) -> AsyncIterator[Message]:
        try:
            async for message in answers(request):
                yield message
        except GrpcError as error:
            await context.abort(error.code, error.message)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the runtime is stopping")

    return grpc.unary_stream_rpc_method_handler(
        handle,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=_serialize,
    )


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
