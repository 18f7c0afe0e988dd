"""A client's connection on asyncio: one socket, many calls.

The protocol's rules are in `client_protocol`; here are the socket, the waiting calls and the
timers. Nothing is read past what the protocol admits, and every wait has an end.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from kata_exporter.ttrpc.client_protocol import (
    AnswerDropped,
    AnswerReceived,
    ClientProtocol,
    ConnectionBroken,
    Event,
)
from kata_exporter.ttrpc.envelope import Metadata, Request, Response
from kata_exporter.ttrpc.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    MessageTooLarge,
    Phase,
    ProtocolViolation,
    StatusError,
    TtrpcError,
    Violation,
    again,
)
from kata_exporter.ttrpc.timing import Clock, TimerHandle

FRAME_SECONDS = 10.0
"""How long the peer may take over one frame, whatever the deadline of its call."""

MAX_EXPIRIES = 2
"""Calls in a row that run into their deadline before the connection is closed."""

MAX_UNSENT_BYTES = 8 << 20
"""Bytes that may wait for a peer that doesn't read, before the connection is closed."""

OnEvent = Callable[[str], None]
"""Told of late and unknown answers and of violations, by the names of their closed sets."""

TOO_LARGE_EVENT = "too_large"

_MAX_TIMEOUT_SECONDS = 1e9
"""About thirty years: what the field of the wire holds with room to spare."""


class CallTrace(Protocol):
    """Is told of a call's steps."""

    def event(self, name: str) -> None:
        """Take note of ``dial``, ``connected`` or ``sent``."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked, and what the answer may be."""

    service: str
    method: str
    payload: bytes
    cap_bytes: int
    """Cap of the answer's payload."""
    metadata: Metadata = ()


def timeout_ns(remaining_seconds: float) -> int:
    """Return what the server may take: a little less than we wait, so that it gives up first."""
    bounded = min(remaining_seconds, _MAX_TIMEOUT_SECONDS)
    margin = min(0.1, bounded * 0.1)
    return max(1, int((bounded - margin) * 1e9))


class ClientConnection(asyncio.Protocol):
    """Calls over one connected socket. Made by `open`.

    It is closed when more than `MAX_UNSENT_BYTES` wait for the peer to read them.
    """

    def __init__(self, clock: Clock, on_event: OnEvent) -> None:
        self._clock = clock
        self._on_event = on_event
        self._protocol = ClientProtocol()
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._transport: asyncio.Transport | None = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: TtrpcError | None = None
        self._expiries = 0
        self._frame_timer: TimerHandle | None = None

    @classmethod
    async def open(
        cls, sock: socket.socket, *, clock: Clock, on_event: OnEvent
    ) -> "ClientConnection":
        """Take over a connected, non-blocking stream socket, and close it if that fails."""
        connection = cls(clock, on_event)
        await attach(sock, connection)
        return connection

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._error is None

    async def call(
        self, call: Call, *, deadline: float | None, trace: CallTrace | None = None
    ) -> bytes:
        """Make a call and return the answer's payload.

        Cancelling a call forgets its stream; the connection stays.

        Args:
            call: what is asked.
            deadline: on the clock; None waits without end, and asks the server to.
            trace: is told when the request was sent.

        Raises:
            TtrpcError: as its subclasses say.
            ValueError: metadata isn't as it should be.
        """
        if self._error is not None:
            raise again(self._error)
        now = self._clock.monotonic()
        if deadline is not None and deadline <= now:
            raise DeadlineExceeded(Phase.START)
        limit = 0 if deadline is None else timeout_ns(deadline - now)
        request = Request(call.service, call.method, call.payload, limit, call.metadata)
        stream_id = self._protocol.send_request(request, cap_bytes=call.cap_bytes)
        self._write()
        if self._error is not None:
            raise again(self._error)
        if trace is not None:
            trace.event("sent")
        return await self._answer(stream_id, deadline)

    async def _answer(self, stream_id: int, deadline: float | None) -> bytes:
        waiter: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[stream_id] = waiter
        timer = None
        if deadline is not None:
            unknown_before = self._protocol.unknown_answers
            timer = self._clock.call_at(deadline, partial(self._expire, stream_id, unknown_before))
        try:
            response = await waiter
        finally:
            if timer is not None:
                timer.cancel()
            del self._waiting[stream_id]
            self._protocol.forget(stream_id)
        if response.code != 0:
            raise StatusError(response.code, response.message)
        return response.payload

    def abort(self, error: TtrpcError | None = None) -> None:
        """Close at once; calls that wait get `error`. The server cancels what it was doing."""
        if self._error is not None:
            return
        self._error = error or ConnectionClosed("connection closed by this side")
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(again(self._error))
        self._stop_frame_timer()
        if self._transport is not None:
            self._transport.abort()
        if isinstance(self._error, ProtocolViolation):
            self._on_event(self._error.violation)
        elif isinstance(self._error, MessageTooLarge):
            self._on_event(TOO_LARGE_EVENT)

    async def aclose(self) -> None:
        """Close, and return when the socket is gone."""
        self.abort()
        await asyncio.shield(self._lost)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  narrows for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the protocol, and its answers to the calls."""
        events = self._protocol.receive_data(data)
        for event in events:
            self._handle(event)
        self._watch_frame(completed=bool(events))

    def eof_received(self) -> bool:
        """Take the peer's end; there is no half-closed state in ttrpc."""
        for event in self._protocol.receive_eof():
            self._handle(event)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the calls that wait, and whoever waits for the socket to be gone."""
        error = ConnectionClosed(f"connection lost: {exc}" if exc else "connection closed")
        error.__cause__ = exc
        self.abort(error)
        if not self._lost.done():
            self._lost.set_result(None)

    def _handle(self, event: Event) -> None:
        match event:
            case AnswerReceived(stream_id, response):
                self._expiries = 0
                waiter = self._waiting.get(stream_id)
                if waiter is not None and not waiter.done():
                    waiter.set_result(response)
            case AnswerDropped(_, why):
                self._on_event(why)
            case ConnectionBroken(error):
                self.abort(error)

    def _expire(self, stream_id: int, unknown_before: int) -> None:
        waiter = self._waiting.get(stream_id)
        if waiter is None or waiter.done():
            return
        self._protocol.forget(stream_id)
        if self._protocol.unknown_answers > unknown_before:
            # The peer did answer, under somebody else's stream id: say that, not "timeout".
            self.abort(
                ProtocolViolation(Violation.UNKNOWN_STREAM, "answer under a wrong stream id")
            )
            return
        waiter.set_exception(DeadlineExceeded(Phase.ANSWER))
        self._expiries += 1
        if self._expiries >= MAX_EXPIRIES:
            self.abort(ConnectionClosed(f"closed after {self._expiries} calls without an answer"))

    def _watch_frame(self, *, completed: bool) -> None:
        if completed or not self._protocol.mid_frame:
            self._stop_frame_timer()
        if self._protocol.mid_frame and self._frame_timer is None:
            self._frame_timer = self._clock.call_at(
                self._clock.monotonic() + FRAME_SECONDS, self._stalled
            )

    def _stalled(self) -> None:
        self._frame_timer = None
        detail = f"a frame took more than {FRAME_SECONDS:g} s"
        self.abort(ProtocolViolation(Violation.STALLED_FRAME, detail))

    def _stop_frame_timer(self) -> None:
        if self._frame_timer is not None:
            self._frame_timer.cancel()
            self._frame_timer = None

    def _write(self) -> None:
        if self._transport is not None:
            self._transport.write(self._protocol.data_to_send())
            # Calls that give up leave their requests here, which are memory until they are read.
            unsent_bytes = self._transport.get_write_buffer_size()
            if unsent_bytes > MAX_UNSENT_BYTES:
                self.abort(
                    ConnectionClosed(f"closed with {unsent_bytes} bytes that it didn't read")
                )


async def attach(sock: socket.socket, protocol: asyncio.Protocol) -> None:
    """Give a connected stream socket to a protocol; the socket is closed if that fails."""
    loop = asyncio.get_running_loop()
    try:
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:
            await loop.create_unix_connection(lambda: protocol, sock=sock)
        else:
            await loop.create_connection(lambda: protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
