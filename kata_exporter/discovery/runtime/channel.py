"""One connection to a container runtime's socket.

A runtime that is restarted has another socket under the same path: then a new channel is made, so
that nothing of the old one (its connection, its back-off) is in the way.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import quote

from google.protobuf.message import DecodeError, Message
from grpc import aio

from kata_exporter.clock import Clock
from kata_exporter.errors import Reason, RuntimeCallError, shown
from kata_exporter.telemetry.hooks import (
    CallHook,
    CallInfo,
    CallOutcome,
    CallTarget,
    CallWatch,
    Hooks,
    NoHook,
)

MAX_MESSAGE_BYTES = 16 << 20
"""What a kubelet takes, and more than gRPC does unless told: a node's listing can have 4 MiB."""

Response = TypeVar("Response", bound=Message)
# gRPC's classes have no parameters at run time.
_Unary: TypeAlias = "aio.UnaryUnaryMultiCallable[bytes, bytes]"
_Streaming: TypeAlias = "aio.UnaryStreamMultiCallable[bytes, bytes]"


_REASONS = {
    "DEADLINE_EXCEEDED": Reason.TIMEOUT,
    "UNAVAILABLE": Reason.CONNECT_FAILED,
    "UNIMPLEMENTED": Reason.UNSUPPORTED,
}


class RuntimeChannel:
    """Calls to the services on one socket; nothing connects before the first.

    Args:
        path: of the socket.
        clock: for deadlines.
        max_message_bytes: the longest answer that is read.
        hook: is told of each unary call; a stream lasts as long as both sides, so it is none.
    """

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        hook: CallHook | None = None,
    ) -> None:
        self.path = path
        self._hook = Hooks([hook]) if hook is not None else NoHook()
        self._clock = clock
        self._channel = aio.insecure_channel(
            f"unix:{quote(path)}",
            options=(
                ("grpc.max_receive_message_length", max_message_bytes),
                # Otherwise channels of one path share their connection, and its back-off.
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_retries", 0),
            ),
        )

    async def call(
        self, method: str, request: Message, response: type[Response], *, seconds: float
    ) -> Response:
        """Make a unary call and return its answer.

        Args:
            method: service and method, as ``runtime.v1.RuntimeService/Version``.
            request: what is asked.
            response: the type of the answer.
            seconds: that connecting and answering may take, together.

        Raises:
            RuntimeCallError: there was no answer, or it isn't what it should be.
        """
        payload = request.SerializeToString()
        watch = self._hook.started(CallInfo(method, CallTarget(self.path), system="grpc"))
        try:
            answer = await self._answer(method, payload, seconds, watch)
            decoded = _decode(answer, response, method)
        except RuntimeCallError as error:
            watch.ended(CallOutcome(_reason(error), error.code, str(error), len(payload)))
            raise
        except BaseException as error:
            # Cancelled, or a fault of ours: a span that isn't ended is never seen.
            outcome = CallOutcome(Reason.CLOSED, "CANCELLED", type(error).__name__, len(payload))
            watch.ended(outcome)
            raise
        watch.ended(CallOutcome(Reason.OK, "OK", "", len(payload), len(answer)))
        return decoded

    async def _answer(self, method: str, payload: bytes, seconds: float, watch: CallWatch) -> bytes:
        ask: _Unary = self._channel.unary_unary(f"/{method}")
        # The runtime is told of the deadline as well.
        call = ask(payload, timeout=seconds, metadata=tuple(watch.metadata()))
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            call.cancel()

        timer = self._clock.call_at(self._clock.monotonic() + seconds, expire)
        try:
            return await call
        except aio.AioRpcError as error:
            raise _failure(error, method) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if expired and task is not None and not task.cancelling():
                detail = f"{method}: no answer within {seconds:g} s"
                raise RuntimeCallError("DEADLINE_EXCEEDED", detail) from None
            raise
        finally:
            timer.cancel()

    async def stream(
        self, method: str, request: Message, response: type[Response]
    ) -> AsyncGenerator[Response, None]:
        """Make a call whose answers come for as long as both sides hold; yield them.

        Nothing says when the runtime has taken the request: it sends nothing before the first
        answer. To know that it is there, make a unary call before.

        Raises:
            RuntimeCallError: the stream ended, whatever for; UNAVAILABLE if without an error.
        """
        ask: _Streaming = self._channel.unary_stream(f"/{method}")
        call = ask(request.SerializeToString())
        try:
            while (answer := await call.read()) is not aio.EOF:
                yield _decode(answer, response, method)
        except aio.AioRpcError as error:
            raise _failure(error, method) from error
        finally:
            call.cancel()
        raise RuntimeCallError("UNAVAILABLE", f"{method}: the runtime ended the stream")

    async def aclose(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def _decode(answer: Any, response: type[Response], method: str) -> Response:
    try:
        return response.FromString(answer)
    except DecodeError as error:
        detail = f"{method}: the answer is no {response.DESCRIPTOR.full_name}"
        raise RuntimeCallError("INTERNAL", detail) from error


def _reason(error: RuntimeCallError) -> Reason:
    return _REASONS.get(error.code, Reason.AGENT_ERROR)


def _failure(error: aio.AioRpcError, method: str) -> RuntimeCallError:
    details = error.details()
    detail = f"{method}: {shown(details) if details else 'no reason given'}"
    return RuntimeCallError(error.code().name, detail)
