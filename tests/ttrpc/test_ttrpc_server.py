"""The server on real sockets: parallel handlers, time-outs, and clients that go away."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc import (
    Call,
    Client,
    Code,
    ConnectionClosed,
    Server,
    ServerRequest,
    StatusError,
)
from kata_exporter.ttrpc import acceptor as acceptor_module

CALL = Call("s", "m", b"ping", cap_bytes=4096)
Handle = Callable[[ServerRequest], Awaitable[bytes]]


class Gate:
    """A handler that waits to be let go, and notes how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.started = 0
        self.cancelled = 0

    async def __call__(self, request: ServerRequest) -> bytes:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return request.payload


@asynccontextmanager
async def serving(handle: Handle, clock: FakeClock) -> AsyncIterator[Client]:
    """A client joined to a server by a socket pair."""
    ours, theirs = socket.socketpair()

    async def dial(deadline: float) -> socket.socket:
        del deadline
        return ours

    task = asyncio.create_task(Server(handle, clock=clock).attach(theirs))
    client = Client(dial, clock=clock)
    try:
        yield client
    finally:
        await client.aclose()
        ours.close()
        await task


async def echo(request: ServerRequest) -> bytes:
    return request.payload


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    listener.listen()
    return listener


def client_of(path: Path, clock: FakeClock) -> Client:
    async def dial(deadline: float) -> socket.socket:
        del deadline
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        return sock

    return Client(dial, clock=clock)


async def test_handler_gets_what_was_asked(clock: FakeClock) -> None:
    seen: list[ServerRequest] = []

    async def handle(request: ServerRequest) -> bytes:
        seen.append(request)
        return b"pong"

    call = Call("grpc.Health", "Check", b"ping", 4096, (("traceparent", "00-1-2-01"),))
    async with serving(handle, clock) as client:
        assert await client.call(call, deadline=clock.monotonic() + 2) == b"pong"

    assert seen == [
        ServerRequest(
            "grpc.Health", "Check", b"ping", 1_900_000_000, (("traceparent", "00-1-2-01"),)
        )
    ]


async def test_blocked_handler_holds_up_no_other(clock: FakeClock) -> None:
    gate = Gate()

    async def handle(request: ServerRequest) -> bytes:
        return await gate(request) if request.method == "slow" else b"fast"

    async with serving(handle, clock) as client:
        slow = asyncio.create_task(client.call(Call("s", "slow", b"slow", 4096), deadline=None))
        await settle()

        assert await client.call(CALL, deadline=clock.monotonic() + 1) == b"fast"
        gate.go.set()
        assert await slow == b"slow"


async def test_status_error_of_a_handler_is_the_answer(clock: FakeClock) -> None:
    async def handle(request: ServerRequest) -> bytes:
        raise StatusError(Code.UNIMPLEMENTED, f"{request.method} method")

    async with serving(handle, clock) as client:
        with pytest.raises(StatusError, match="UNIMPLEMENTED: m method"):
            await client.call(CALL, deadline=clock.monotonic() + 1)


async def test_fault_of_a_handler_is_logged_and_answered(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def handle(request: ServerRequest) -> bytes:
        raise KeyError(request.method)

    async with serving(handle, clock) as client:
        with pytest.raises(StatusError, match="INTERNAL: KeyError"):
            await client.call(CALL, deadline=clock.monotonic() + 1)
        assert client.alive

    assert caplog.messages == ["a handler failed"]


async def test_server_gives_up_at_the_timeout_that_was_sent(clock: FakeClock) -> None:
    """Before the client's own deadline, so that the client learns it from the server."""
    gate = Gate()
    async with serving(gate, clock) as client:
        call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 2))
        await settle()
        await clock.run_for(1.9)

        with pytest.raises(StatusError, match="DEADLINE_EXCEEDED: timeout"):
            await call
        assert gate.cancelled == 1
        assert client.alive
        assert clock.pending == 0


async def test_no_timeout_is_no_limit(clock: FakeClock) -> None:
    gate = Gate()
    async with serving(gate, clock) as client:
        call = asyncio.create_task(client.call(CALL, deadline=None))
        await settle()
        await clock.run_for(100_000, step=50_000)
        gate.go.set()

        assert await call == b"ping"


async def test_client_that_goes_away_cancels_what_it_waited_for(clock: FakeClock) -> None:
    gate = Gate()
    async with serving(gate, clock) as client:
        calls = [
            asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 60))
            for _ in range(3)
        ]
        await settle()
        assert gate.started == 3

    assert gate.cancelled == 3
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, ConnectionClosed)


async def test_half_closed_client_is_gone(clock: FakeClock) -> None:
    gate = Gate()
    ours, theirs = socket.socketpair()
    with ours:
        serving = asyncio.create_task(Server(gate, clock=clock).attach(theirs))
        ours.send(bytes.fromhex("00000003 00000001 01 00 0a0173"))
        await settle()
        assert gate.started == 1
        ours.shutdown(socket.SHUT_WR)
        await serving

        assert gate.cancelled == 1
        assert ours.recv(100) == b""


async def test_cancelling_attach_closes_the_connection_and_ends_its_handlers(
    clock: FakeClock,
) -> None:
    """Left: nothing."""
    gate = Gate()
    ours, theirs = socket.socketpair()
    with ours:
        serving = asyncio.create_task(Server(gate, clock=clock).attach(theirs))
        ours.send(bytes.fromhex("00000003 00000001 01 00 0a0173"))
        await settle()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

        assert gate.cancelled == 1
        assert ours.recv(100) == b""


async def test_listener_serves_many_clients_until_the_server_closes(
    tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "agent.sock"
    gate = Gate()
    server = Server(gate, clock=clock)
    await server.serve(listening(path))
    clients = [client_of(path, clock) for _ in range(3)]
    calls = [
        asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 60))
        for client in clients
    ]
    await settle()
    assert gate.started == 3

    await server.aclose()
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, ConnectionClosed)
    assert gate.cancelled == 3
    for client in clients:
        await client.aclose()
    with pytest.raises(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))


@pytest.mark.parametrize("turns", range(4))
async def test_closing_loses_no_connection_that_was_just_accepted(
    tmp_path: Path, clock: FakeClock, turns: int
) -> None:
    """Left: nothing, whichever turn of the loop the connection was in."""
    path = tmp_path / "agent.sock"
    server = Server(echo, clock=clock)
    await server.serve(listening(path))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        await settle(turns)
        await server.aclose()
        with suppress(ConnectionResetError):  # as where it was never accepted
            assert sock.recv(1) == b""


async def test_server_that_runs_out_of_descriptors_goes_on_later(
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(acceptor_module, "ACCEPT_RETRY_SECONDS", 0.0)
    path = tmp_path / "agent.sock"
    server = Server(echo, clock=clock)
    listener = Scarce(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    listener.listen()
    await server.serve(listener)

    with caplog.at_level(logging.WARNING):
        client = client_of(path, clock)
        assert await client.call(CALL, deadline=clock.monotonic() + 60) == b"ping"

    assert caplog.messages == ["can't accept a connection: [Errno 24] Too many open files"]
    await client.aclose()
    await server.aclose()


class Scarce(socket.socket):
    """A listener whose first connection can't be accepted for want of a descriptor."""

    __slots__ = ("refused",)

    def accept(self) -> tuple[socket.socket, object]:
        if not hasattr(self, "refused"):
            self.refused = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()
