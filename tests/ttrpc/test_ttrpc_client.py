"""A client dials once, shares the dial between calls, and stays ended once it has ended."""

import asyncio
import socket

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc import (
    Call,
    Client,
    ConnectError,
    ConnectionClosed,
    DeadlineExceeded,
    Phase,
    TtrpcError,
)
from kata_exporter.ttrpc.client import DIAL_SECONDS
from raw_peer import RawPeer
from wire import answer

CALL = Call("grpc.Health", "Check", b"", cap_bytes=4096)


class Steps:
    """A trace that keeps what it is told."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def event(self, name: str) -> None:
        self.names.append(name)


class HeldDial:
    """A dial that waits until it is let go."""

    def __init__(self, peer: RawPeer) -> None:
        self._peer = peer
        self.go = asyncio.Event()
        self.deadlines: list[float] = []
        self.cancelled = 0

    async def __call__(self, deadline: float) -> socket.socket:
        self.deadlines.append(deadline)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await self._peer.dial(deadline)


def failing(error: Exception) -> tuple[list[float], "Client"]:
    dials: list[float] = []

    async def dial(deadline: float) -> socket.socket:
        dials.append(deadline)
        raise error

    return dials, Client(dial, clock=FakeClock())


async def test_nothing_is_dialled_before_the_first_call(client: Client, peer: RawPeer) -> None:
    await settle()

    assert client.alive
    assert peer.dials == 0


async def test_steps_of_a_call_are_told_in_order(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    first, second = Steps(), Steps()
    for steps in (first, second):
        task = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5.0, trace=steps))
        stream_id, _ = await peer.request()
        await peer.send(answer(stream_id))
        await task

    assert first.names == ["dial", "connected", "sent"]
    assert second.names == ["sent"]


async def test_call_that_gave_up_in_the_dial_is_not_told_to_be_sent(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    steps = Steps()
    late = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 1, trace=steps))
    await settle()
    clock.advance(1)
    with pytest.raises(DeadlineExceeded):
        await late

    assert steps.names == ["dial"]
    await client.aclose()


async def test_dial_is_shared_by_the_calls_that_wait_for_it(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    tasks = [
        asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5)) for _ in range(3)
    ]
    await settle()
    dial.go.set()
    for _ in tasks:
        stream_id, _ = await peer.request()
        await peer.send(answer(stream_id, b"%d" % stream_id))

    assert await asyncio.gather(*tasks) == [b"1", b"3", b"5"]
    assert len(dial.deadlines) == 1
    await client.aclose()


async def test_call_that_gives_up_on_a_dial_leaves_it_to_the_others(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    patient = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await settle()
    hasty = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 1))
    await settle()
    await clock.run_for(1.0)
    with pytest.raises(DeadlineExceeded) as caught:
        await hasty
    assert caught.value.phase is Phase.DIAL

    dial.go.set()
    stream_id, _ = await peer.request()
    await peer.send(answer(stream_id))
    assert await patient == b""
    await client.aclose()


async def test_deadline_covers_dial_and_answer_together(peer: RawPeer, clock: FakeClock) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    task = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await settle()
    await clock.run_for(3.0)
    dial.go.set()
    _, request = await peer.request()
    assert request.timeout_nano == pytest.approx(1_900_000_000)
    await clock.run_for(1.9)
    assert not task.done()
    await clock.run_for(0.1)

    with pytest.raises(DeadlineExceeded) as caught:
        await task
    assert caught.value.phase is Phase.ANSWER
    await client.aclose()


async def test_call_in_a_hurry_leaves_the_dial_that_it_started_to_the_others(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    hasty = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 1))
    await settle()
    patient = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
    await settle()
    await clock.run_for(1.0)
    with pytest.raises(DeadlineExceeded) as caught:
        await hasty
    assert caught.value.phase is Phase.DIAL
    assert (dial.cancelled, client.alive, client.connecting) == (0, True, True)

    dial.go.set()
    stream_id, _ = await peer.request()
    await peer.send(answer(stream_id))
    assert await patient == b""
    await client.aclose()


async def test_dial_that_nobody_waits_for_ends_with_its_own_time(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    task = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 1))
    await settle()
    await clock.run_for(1.0)
    with pytest.raises(DeadlineExceeded):
        await task

    await clock.run_for(DIAL_SECONDS, step=10)
    assert (dial.cancelled, client.alive, client.dial_failed) == (1, False, True)
    with pytest.raises(DeadlineExceeded):
        await client.call(CALL, deadline=clock.monotonic() + 1)
    assert len(dial.deadlines) == 1


async def test_dial_that_nobody_waits_for_ends_with_the_client(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    task = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 1))
    await settle()
    await clock.run_for(1.0)
    with pytest.raises(DeadlineExceeded):
        await task

    await client.aclose()
    assert (dial.cancelled, client.connecting, clock.pending) == (1, False, 0)


async def test_deadline_that_has_passed_dials_nobody(peer: RawPeer, clock: FakeClock) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    with pytest.raises(DeadlineExceeded) as caught:
        await client.call(CALL, deadline=clock.monotonic())

    assert caught.value.phase is Phase.START
    assert (dial.deadlines, client.alive) == ([], True)


async def test_dial_for_a_call_without_a_deadline_has_an_end(
    peer: RawPeer, clock: FakeClock
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock)
    task = asyncio.create_task(client.call(CALL, deadline=None))
    await settle()
    assert dial.deadlines == [clock.monotonic() + DIAL_SECONDS]
    await clock.run_for(DIAL_SECONDS, step=10)

    with pytest.raises(DeadlineExceeded):
        await task


@pytest.mark.parametrize("error", [OSError("refused"), ValueError("odd"), KeyError("x")])
async def test_failed_dial_ends_the_client_for_good(error: Exception) -> None:
    dials, client = failing(error)

    for _ in range(3):
        with pytest.raises(ConnectError) as caught:
            await client.call(CALL, deadline=10_000.0)
        assert caught.value.__cause__ is error

    assert len(dials) == 1
    assert not client.alive


async def test_failed_dial_reaches_every_call_that_waits_for_it() -> None:
    dials, client = failing(OSError("refused"))

    results = await asyncio.gather(
        *(client.call(CALL, deadline=10_000.0) for _ in range(3)), return_exceptions=True
    )

    assert [type(result) for result in results] == [ConnectError] * 3
    assert len(set(map(id, results))) == 3
    assert len(dials) == 1


async def test_dial_that_is_cancelled_from_inside_ends_the_client() -> None:
    async def dial(deadline: float) -> socket.socket:
        raise asyncio.CancelledError(deadline)

    client = Client(dial, clock=FakeClock())

    with pytest.raises(ConnectionClosed, match="while connecting"):
        await client.call(CALL, deadline=10_000.0)
    assert not client.alive


async def test_socket_that_asyncio_refuses_is_closed(clock: FakeClock) -> None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    async def dial(deadline: float) -> socket.socket:
        del deadline
        return made

    client = Client(dial, clock=clock)

    with pytest.raises(ConnectError):
        await client.call(CALL, deadline=clock.monotonic() + 1)
    assert made.fileno() == -1


async def test_closed_client_makes_no_calls(client: Client, peer: RawPeer) -> None:
    await client.aclose()
    await client.aclose()

    assert not client.alive
    with pytest.raises(TtrpcError, match="client closed"):
        await client.call(CALL, deadline=10_000.0)
    assert peer.dials == 0


async def test_dial_has_a_time_of_its_own_below_the_deadline_of_the_call(
    clock: FakeClock, peer: RawPeer
) -> None:
    dial = HeldDial(peer)
    client = Client(dial, clock=clock, dial_seconds=2)
    call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 10))
    await settle()
    assert dial.deadlines == [clock.monotonic() + 2]
    clock.advance(2)

    with pytest.raises(DeadlineExceeded) as caught:
        await call
    assert caught.value.phase is Phase.DIAL
    assert (dial.cancelled, client.dial_failed, client.connected) == (1, True, False)
    await client.aclose()


async def test_client_that_was_closed_in_the_dial_did_not_fail_to_dial(
    clock: FakeClock, peer: RawPeer
) -> None:
    client = Client(HeldDial(peer), clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=None))
    await settle()
    await client.aclose()

    with pytest.raises(ConnectionClosed):
        await call
    assert (client.dial_failed, client.connected) == (False, False)


async def test_client_that_lost_its_connection_had_one(clock: FakeClock, peer: RawPeer) -> None:
    client = Client(peer.dial, clock=clock)
    call = asyncio.create_task(client.call(CALL, deadline=None))
    await peer.request()
    await client.aclose()

    with pytest.raises(ConnectionClosed):
        await call
    assert (client.dial_failed, client.connected) == (False, True)
