"""Calls over a connection: answers, deadlines, and what a call asks of the server."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc import (
    Call,
    Client,
    Code,
    ConnectionClosed,
    DeadlineExceeded,
    Phase,
    StatusError,
)
from kata_exporter.ttrpc.connection import timeout_ns
from raw_peer import RawPeer
from wire import answer, frame, refusal

CALL = Call("grpc.Health", "Check", b"payload", cap_bytes=4096)


def calling(client: Client, clock: FakeClock, *, within: float = 5.0) -> asyncio.Task[bytes]:
    return asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + within))


async def test_call_says_what_is_asked_and_returns_the_payload(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    call = replace(CALL, metadata=(("traceparent", "00-1-2-01"), ("k", "é")))
    task = asyncio.create_task(client.call(call, deadline=clock.monotonic() + 5.0))

    stream_id, request = await peer.request()
    await peer.send(answer(stream_id, b"it"))

    assert await task == b"it"
    assert (request.service, request.method) == ("grpc.Health", "Check")
    assert request.payload == b"payload"
    assert [(pair.key, pair.value) for pair in request.metadata] == [
        ("traceparent", "00-1-2-01"),
        ("k", "é"),
    ]


async def test_calls_follow_each_other_on_one_connection(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    for expected_id in (1, 3, 5):
        task = calling(client, clock)
        stream_id, _ = await peer.request()
        assert stream_id == expected_id
        await peer.send(answer(stream_id, b"%d" % stream_id))
        assert await task == b"%d" % expected_id
    assert peer.dials == 1


async def test_parallel_calls_get_their_own_answers_out_of_order(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    tasks = [calling(client, clock) for _ in range(5)]
    ids = [(await peer.request())[0] for _ in tasks]

    await peer.send(b"".join(answer(stream_id, b"%d" % stream_id) for stream_id in reversed(ids)))

    assert await asyncio.gather(*tasks) == [b"1", b"3", b"5", b"7", b"9"]


@pytest.mark.parametrize("body", ["1202 0801", "0a00 1202 0801", "0a02 0800 1202 0801"])
async def test_status_that_is_absent_or_empty_or_ok_is_success(
    client: Client, peer: RawPeer, clock: FakeClock, body: str
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(frame(1, bytes.fromhex(body)))

    assert await task == b"\x08\x01"


async def test_status_is_looked_at_before_the_payload(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(frame(1, bytes.fromhex("0a02 0807 1202 0801")))

    with pytest.raises(StatusError) as caught:
        await task
    assert caught.value.code == Code.PERMISSION_DENIED


async def test_failure_leaves_the_connection_to_other_calls(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(refusal(1, 999, "odd"))
    with pytest.raises(StatusError, match="UNKNOWN: odd") as caught:
        await task
    assert caught.value.code == 999

    task = calling(client, clock)
    await peer.request()
    await peer.send(answer(3))
    assert await task == b""


async def test_call_with_a_deadline_asks_the_server_to_give_up_a_little_before(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock, within=5.0)
    _, request = await peer.request()
    await peer.send(answer(1))
    await task

    assert request.timeout_nano == 4_900_000_000


async def test_call_without_a_deadline_asks_for_no_limit(client: Client, peer: RawPeer) -> None:
    task = asyncio.create_task(client.call(CALL, deadline=None))
    _, request = await peer.request()
    await peer.send(answer(1))
    await task

    assert request.timeout_nano == 0


@given(st.floats(min_value=1e-8, max_value=1e8))
def test_timeout_of_the_server_is_a_bit_below_ours_and_positive(remaining: float) -> None:
    limit = timeout_ns(remaining)

    assert 0 < limit < remaining * 1e9
    assert limit >= (remaining - 0.1) * 1e9 - 1 - remaining


@given(st.floats(min_value=0, exclude_min=True, allow_nan=False))
def test_timeout_of_the_server_always_fits_its_field(remaining: float) -> None:
    assert 0 < timeout_ns(remaining) < 2**63


async def test_call_ends_at_its_deadline_and_not_before(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock, within=5.0)
    await peer.request()
    await clock.run_for(4.9)
    assert not task.done()
    await clock.run_for(0.1)

    with pytest.raises(DeadlineExceeded) as caught:
        await task
    assert caught.value.phase is Phase.ANSWER
    assert client.alive


async def test_call_whose_deadline_has_passed_sends_nothing(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    task = calling(client, clock)
    await peer.request()
    await peer.send(answer(1))
    await task

    with pytest.raises(DeadlineExceeded):
        await client.call(CALL, deadline=clock.monotonic())

    await client.aclose()
    assert await peer.ended()


async def test_late_answer_is_told_and_harms_no_later_call(
    client: Client, peer: RawPeer, clock: FakeClock, told: list[str]
) -> None:
    late = calling(client, clock, within=1.0)
    await peer.request()
    await clock.run_for(1.0)
    with pytest.raises(DeadlineExceeded):
        await late

    task = calling(client, clock)
    await peer.request()
    await peer.send(answer(1, b"late") + answer(3, b"good"))

    assert await task == b"good"
    assert told == ["late_answer"]


async def test_two_calls_in_a_row_without_an_answer_close_the_connection(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """What the server still does for them ends with the connection."""
    for expected_alive in (True, False):
        task = calling(client, clock, within=1.0)
        await peer.request()
        await clock.run_for(1.0)
        with pytest.raises(DeadlineExceeded):
            await task
        assert client.alive is expected_alive

    assert await peer.ended()
    with pytest.raises(ConnectionClosed, match="2 calls without an answer"):
        await calling(client, clock)


async def test_answer_between_two_expiries_keeps_the_connection(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    for answered in (False, True, False):
        task = calling(client, clock, within=1.0)
        stream_id, _ = await peer.request()
        if answered:
            await peer.send(answer(stream_id))
            await task
        else:
            await clock.run_for(1.0)
            with pytest.raises(DeadlineExceeded):
                await task

    assert client.alive


async def test_second_expiry_ends_parallel_calls_too(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    """They learn at once what they would learn at their own deadlines."""
    short = [calling(client, clock, within=1.0) for _ in range(2)]
    long = calling(client, clock, within=60.0)
    for _ in range(3):
        await peer.request()
    await clock.run_for(1.0)

    for task in short:
        with pytest.raises(DeadlineExceeded):
            await task
    with pytest.raises(ConnectionClosed):
        await long


async def test_closing_ends_calls_that_wait(
    client: Client, peer: RawPeer, clock: FakeClock
) -> None:
    tasks = [calling(client, clock) for _ in range(2)]
    for _ in tasks:
        await peer.request()

    await client.aclose()

    for task in tasks:
        with pytest.raises(ConnectionClosed):
            await task
    assert await peer.ended()
    await settle()
    assert clock.pending == 0
