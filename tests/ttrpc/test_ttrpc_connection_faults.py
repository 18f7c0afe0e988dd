"""What a hostile, slow or dying peer does to the calls that wait on it."""

import asyncio
import tracemalloc

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc import (
    Call,
    Client,
    ConnectionClosed,
    DeadlineExceeded,
    MessageTooLarge,
    ProtocolViolation,
    Violation,
)
from kata_exporter.ttrpc.connection import FRAME_SECONDS
from raw_peer import RawPeer
from wire import DATA, HEADER_BYTES, answer, frame, header

CALL = Call("grpc.AgentService", "GetMetrics", b"", cap_bytes=1 << 20)
ANSWER = answer(1, b"0123456789")


def calling(client: Client, clock: FakeClock, *, within: float = 5.0) -> asyncio.Task[bytes]:
    return asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + within))


@pytest.mark.parametrize(
    ("data", "violation"),
    [
        (header(0, 1, kind=DATA), Violation.FRAME_TYPE),
        (header(0, 1, kind=9), Violation.FRAME_TYPE),
        (header(0, 1, flags=1), Violation.FRAME_FLAGS),
        (header(0, 2), Violation.STREAM_ID),
        (header(0, 0), Violation.STREAM_ID),
        (frame(99) * 17, Violation.UNKNOWN_STREAM),
        (frame(1, b"\xff"), Violation.ENVELOPE),
        (b"HTTP/1.1 400 Bad Request\r\n", Violation.FRAME_TYPE),
    ],
)
async def test_broken_rule_ends_the_calls_and_the_connection_and_is_told_once(
    client: Client,
    peer: RawPeer,
    clock: FakeClock,
    told: list[str],
    data: bytes,
    violation: Violation,
) -> None:
    tasks = [calling(client, clock) for _ in range(2)]
    for _ in tasks:
        await peer.request()

    await peer.send(data)

    for task in tasks:
        with pytest.raises(ProtocolViolation) as caught:
            await task
        assert caught.value.violation is violation
    assert await peer.ended()
    assert not client.alive
    assert [event for event in told if event != "unknown_answer"] == [violation]


async def test_calls_that_wait_each_get_an_error_of_their_own(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """One instance raised in two tasks would mix their tracebacks."""
    tasks = [calling(client, clock) for _ in range(2)]
    for _ in tasks:
        await peer.request()
    await peer.send(header(0, 0))

    first, second = await asyncio.gather(*tasks, return_exceptions=True)

    assert type(first) is type(second) is ProtocolViolation
    assert first is not second


@pytest.mark.parametrize("length", [2**32 - 1, (4 << 20) + 1, (1 << 20) + 65])
async def test_answer_over_its_cap_is_refused_on_the_header(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str], length: int
) -> None:
    task = calling(client, clock)
    await peer.request()
    tracemalloc.start()
    try:
        await peer.send(header(length, 1))
        with pytest.raises(MessageTooLarge) as caught:
            await task
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.size_bytes == length
    assert peak < 500_000  # the event loop's own buffer for reading is 256 KiB
    assert told == ["too_large"]
    assert await peer.ended()


@pytest.mark.parametrize("cut", range(len(ANSWER)))
async def test_end_at_any_byte_of_an_answer_gives_closed_and_nothing_of_it(
    client: Client, peer: RawPeer, clock: FakeClock, cut: int
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(ANSWER[:cut])
    peer.close()

    with pytest.raises(ConnectionClosed):
        await task
    assert not client.alive


@pytest.mark.parametrize("cut", [0, 5, HEADER_BYTES, len(ANSWER) - 1])
async def test_reset_in_an_answer_gives_closed(
    client: Client, peer: RawPeer, clock: FakeClock, cut: int
) -> None:
    task = calling(client, clock)
    await settle()
    await peer.send(ANSWER[:cut])
    await settle()
    peer.close()  # the request was never read, so the kernel makes this a reset

    with pytest.raises(ConnectionClosed, match="reset") as caught:
        await task
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_half_closed_peer_is_a_closed_one(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """There is no half-closed state in ttrpc: the client closes its own side as well."""
    task = calling(client, clock)
    await peer.request()
    peer.stop_sending()

    with pytest.raises(ConnectionClosed):
        await task
    assert await peer.ended()


async def test_connection_that_ends_between_calls_is_noticed(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(ANSWER)
    await task
    peer.close()
    await settle()

    assert not client.alive
    with pytest.raises(ConnectionClosed):
        await calling(client, clock)


async def test_slow_drip_ends_at_the_deadline_of_the_call(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """A legal answer, a byte each 0.4 s, would take more than the deadline."""
    task = calling(client, clock, within=5.0)
    start = clock.monotonic()
    await peer.request()
    for byte in ANSWER:
        await peer.send(bytes([byte]))
        await clock.run_for(0.4)
        if task.done():
            break

    with pytest.raises(DeadlineExceeded):
        await task
    assert clock.monotonic() - start == pytest.approx(5.2, abs=0.3)


async def test_frame_that_stalls_ends_the_connection_whatever_the_deadline(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str]
) -> None:
    task = asyncio.create_task(client.call(CALL, deadline=None))
    await peer.request()
    await clock.run_for(FRAME_SECONDS, step=1)
    assert not task.done()
    await peer.send(ANSWER[:5])
    await settle()
    await clock.run_for(FRAME_SECONDS - 1, step=1)
    assert not task.done()
    await clock.run_for(1, step=1)

    with pytest.raises(ProtocolViolation) as caught:
        await task
    assert caught.value.violation is Violation.STALLED_FRAME
    assert told == ["stalled_frame"]


async def test_time_of_a_frame_starts_anew_with_each_frame(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    tasks = [asyncio.create_task(client.call(CALL, deadline=None)) for _ in range(3)]
    for _ in tasks:
        await peer.request()
    answers = [answer(stream_id, b"%d" % stream_id) for stream_id in (1, 3, 5)]

    await peer.send(answers[0][:5])
    for whole, following in zip(answers, [*answers[1:], b""], strict=True):
        await settle()
        await clock.run_for(FRAME_SECONDS - 1, step=1)
        await peer.send(whole[5:] + following[:5])

    assert await asyncio.gather(*tasks) == [b"1", b"3", b"5"]


async def test_answer_under_another_stream_is_named_at_the_deadline(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str]
) -> None:
    """The peer did answer, so it isn't a time-out that an operator should look for."""
    task = calling(client, clock, within=1.0)
    await peer.request()
    await peer.send(answer(77, b"for somebody else"))
    await settle()
    assert not task.done()
    await clock.run_for(1.0)

    with pytest.raises(ProtocolViolation) as caught:
        await task
    assert caught.value.violation is Violation.UNKNOWN_STREAM
    assert told == ["unknown_answer", "unknown_stream"]
    assert await peer.ended()


async def test_duplicate_answer_is_told_and_the_first_stands(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str]
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(answer(1, b"first") + answer(1, b"second"))

    assert await task == b"first"
    await settle()
    assert told == ["unknown_answer"]
    assert client.alive


async def test_peer_that_reads_nothing_costs_a_call_its_deadline(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """The request is larger than what the socket takes, so most of it is never written."""
    call = Call("s", "m", b"x" * (1 << 20), cap_bytes=4096)
    assert peer.dials == 0
    task = asyncio.create_task(client.call(call, deadline=clock.monotonic() + 1.0))
    await settle()
    await clock.run_for(1.0)

    with pytest.raises(DeadlineExceeded):
        await task
