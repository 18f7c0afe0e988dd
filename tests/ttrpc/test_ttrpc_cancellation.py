"""Cancelling a call in each phase that it can wait in, and what is left then."""

import asyncio
import socket
from dataclasses import replace

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc import Call, Client, ClientConnection, ConnectionClosed
from kata_exporter.ttrpc.connection import MAX_UNSENT_BYTES
from raw_peer import RawPeer
from wire import answer

CALL = Call("grpc.Health", "Check", b"", cap_bytes=4096)


async def cancelled(task: asyncio.Task[bytes] | asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_a_bounded_call_in_the_dial_keeps_the_dial(
    peer: RawPeer, clock: FakeClock
) -> None:
    """Left: a client that goes on connecting, once, and serves the next call."""
    go = asyncio.Event()

    async def dial(deadline: float) -> socket.socket:
        await go.wait()
        return await peer.dial(deadline)

    client = Client(dial, clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await settle()
    await cancelled(call)
    assert client.alive

    go.set()
    following = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    stream_id, _ = await peer.request()
    await peer.send(answer(stream_id))
    assert await following == b""
    assert (stream_id, peer.dials) == (1, 1)
    await client.aclose()
    assert clock.pending == 0


async def test_cancelling_an_unbounded_call_in_the_dial_ends_the_dial(clock: FakeClock) -> None:
    """Left: a client that has ended; no task, no timer, no socket."""
    dials: list[str] = []

    async def dial(deadline: float) -> socket.socket:
        del deadline
        try:
            await asyncio.Event().wait()
        finally:
            dials.append("ended")
        raise AssertionError("not reached")

    client = Client(dial, clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=None))
    await settle()
    await cancelled(call)
    await client.aclose()

    assert dials == ["ended"]
    assert not client.alive
    assert clock.pending == 0


@pytest.mark.parametrize("turns", range(8))
async def test_cancelling_while_the_socket_is_taken_over_loses_no_socket(
    peer: RawPeer, clock: FakeClock, turns: int
) -> None:
    """Left: a client that has ended, and a closed socket, whichever turn of the loop it was."""
    client = Client(peer.dial, clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=None))
    await settle(turns)
    await cancelled(call)
    await client.aclose()

    assert not client.alive
    assert clock.pending == 0
    if peer.dials:
        await peer.rest()


async def test_cancelling_a_bounded_call_that_waits_for_its_answer_keeps_the_connection(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str]
) -> None:
    """Left: the connection with the stream forgotten; its answer is late, other calls go on."""
    other = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    for _ in range(2):
        await peer.request()
    await cancelled(call)
    assert client.alive

    await peer.send(answer(3, b"late") + answer(1, b"good"))
    assert await other == b"good"
    await settle()
    assert told == ["late_answer"]
    assert clock.pending == 0


async def test_cancelling_a_bounded_call_is_no_expiry(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """Left: the connection, however many callers changed their mind."""
    for _ in range(5):
        call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
        await peer.request()
        await cancelled(call)

    assert client.alive


async def test_cancelling_an_unbounded_call_that_waits_for_its_answer_closes(
    client: Client, peer: RawPeer
) -> None:
    """Left: a client that has ended. The peer sees the end, which is how it learns."""
    call = asyncio.create_task(client.call(CALL, deadline=None))
    await peer.request()
    await cancelled(call)

    assert await peer.ended()
    assert not client.alive


async def test_cancelling_in_the_same_turn_as_the_answer_leaves_no_stream(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """Left: the connection; the answer is gone with the call that wanted it."""
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await peer.request()
    connection = client._connection
    assert connection is not None
    connection.data_received(answer(1, b"just now"))
    await cancelled(call)

    assert client.alive
    assert connection._waiting == {}
    assert clock.pending == 0


async def test_cancelling_a_call_in_the_same_turn_as_the_end_is_a_cancellation(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """Left: a client that has ended; the error that nobody waits for is not complained of."""
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await peer.request()
    connection = client._connection
    assert connection is not None
    connection.abort(ConnectionClosed("now"))
    await cancelled(call)

    assert not client.alive


async def test_cancelling_aclose_leaves_a_closed_client(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """Left: a client that has ended, whose socket goes in the loop's next turns by itself."""
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await peer.request()
    closing = asyncio.create_task(client.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    await settle()

    with pytest.raises(ConnectionClosed):
        await call
    assert closing.done()
    assert not client.alive
    assert await peer.ended()


async def test_cancelling_aclose_while_it_waits_for_a_stubborn_dial_leaves_a_closed_client(
    clock: FakeClock,
) -> None:
    """Left: a client that has ended, and a dial that was told to end and does so in its time."""
    let_go = asyncio.Event()

    async def dial(deadline: float) -> socket.socket:
        del deadline
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()
        raise AssertionError("not reached")

    client = Client(dial, clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await settle()
    closing = asyncio.create_task(client.aclose())
    await settle()
    await cancelled(closing)
    assert not client.alive

    let_go.set()
    await client.aclose()
    with pytest.raises(ConnectionClosed):
        await call
    assert clock.pending == 0


async def test_cancelling_open_closes_the_socket(clock: FakeClock) -> None:
    """Left: nothing. The socket was given to a connection that nobody has."""
    ours, theirs = socket.socketpair()
    with theirs:
        opening = asyncio.create_task(
            ClientConnection.open(ours, clock=clock, on_event=lambda _: None)
        )
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    assert ours.fileno() == -1


async def test_requests_of_calls_that_gave_up_are_bounded_while_the_peer_reads_nothing(
    client: Client, clock: FakeClock
) -> None:
    big = replace(CALL, payload=bytes(3 << 20))
    for _ in range(MAX_UNSENT_BYTES // len(big.payload)):
        call = asyncio.create_task(client.call(big, deadline=clock.monotonic() + 5))
        await settle()
        await cancelled(call)
    assert client.alive

    with pytest.raises(ConnectionClosed, match="bytes that it didn't read"):
        await client.call(big, deadline=clock.monotonic() + 5)
    assert (client.alive, clock.pending) == (False, 0)
    await client.aclose()


async def test_peer_that_reads_late_is_given_all_that_is_within_the_bound(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    big = replace(CALL, payload=bytes(3 << 20))
    tasks = [
        asyncio.create_task(client.call(big, deadline=clock.monotonic() + 5)) for _ in range(2)
    ]
    await settle()
    for _ in tasks:
        stream_id, request = await peer.request()
        assert len(request.payload) == 3 << 20
        await peer.send(answer(stream_id))

    assert await asyncio.gather(*tasks) == [b"", b""]
