"""A ttrpc server on asyncio: each request is a task, as with the agent's own server.

``timeout_nano`` is enforced here, and what a client that has gone was waiting for is cancelled.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from kata_exporter.ttrpc.acceptor import Acceptor
from kata_exporter.ttrpc.codes import Code
from kata_exporter.ttrpc.connection import attach
from kata_exporter.ttrpc.envelope import Request, Response
from kata_exporter.ttrpc.errors import StatusError
from kata_exporter.ttrpc.server_protocol import RequestReceived, ServerProtocol
from kata_exporter.ttrpc.timing import Clock, run_until

logger = logging.getLogger(__name__)

ServerRequest = Request
Handler = Callable[[ServerRequest], Awaitable[bytes]]
"""Returns the answer's payload, or raises `StatusError`."""


class Server:
    """Serves a handler on listeners and on connected sockets."""

    def __init__(self, handler: Handler, *, clock: Clock) -> None:
        self._handler = handler
        self._clock = clock
        self._acceptor = Acceptor(self.attach)

    async def serve(self, listener: socket.socket) -> None:
        """Accept on a listening, non-blocking socket in the background; it is ours from here on."""
        self._acceptor.listen(listener)

    async def attach(self, sock: socket.socket) -> None:
        """Serve a connected stream socket until it closes."""
        connection = _ServerConnection(self._handler, self._clock)
        await attach(sock, connection)
        try:
            await asyncio.shield(connection.lost)
        finally:
            connection.abort()
            await connection.ended()

    async def aclose(self) -> None:
        """Stop accepting, close every connection, and end every handler."""
        await self._acceptor.aclose()


class _ServerConnection(asyncio.Protocol):
    def __init__(self, handler: Handler, clock: Clock) -> None:
        self._handler = handler
        self._clock = clock
        self._protocol = ServerProtocol()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Return when the socket is gone and every handler has ended."""
        await asyncio.shield(self.lost)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  narrows for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for received in self._protocol.receive_data(data):
            task = asyncio.get_running_loop().create_task(self._answer(received))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for task in self._tasks:
            task.cancel()
        if not self.lost.done():
            self.lost.set_result(None)

    async def _answer(self, received: RequestReceived) -> None:
        try:
            response = Response(await self._run(received.request))
        except StatusError as error:
            response = Response(b"", error.code, error.message)
        except TimeoutError:
            response = Response(b"", Code.DEADLINE_EXCEEDED, "timeout")
        except Exception as error:
            logger.exception("a handler failed")
            response = Response(b"", Code.INTERNAL, type(error).__name__)
        self._protocol.send_response(received.stream_id, response)
        self._write()

    async def _run(self, request: Request) -> bytes:
        if request.timeout_ns <= 0:
            return await self._handler(request)
        deadline = self._clock.monotonic() + request.timeout_ns / 1e9
        return await run_until(self._clock, deadline, self._handler(request))

    def _write(self) -> None:
        data = self._protocol.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
