"""Our client on servers in Go and Rust: what envelopes, deadlines and connections carry."""

import asyncio

import pytest

from fake_clock import FakeClock
from filled_message import filled
from kata_exporter._pb import agent_pb2
from kata_exporter.ttrpc import (
    Client,
    Code,
    ConnectionClosed,
    Dropped,
    MessageTooLarge,
    StatusError,
)
from kata_exporter.ttrpc.connection import timeout_ns
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from padded_message import metrics_of, policy_of
from peer_binary import Language
from rpcs import RPCS
from server_peer import ServerPeer
from waiting import soon

pytestmark = pytest.mark.real

CHECK = RPCS["grpc.Health/Check"]
GET_METRICS = RPCS["grpc.AgentService/GetMetrics"]
GET_OOM_EVENT = RPCS["grpc.AgentService/GetOOMEvent"]
SET_POLICY = RPCS["grpc.AgentService/SetPolicy"]
FAILURES = [code for code in Code if code is not Code.OK]


async def is_alive(client: Client) -> bool:
    return await client.call(CHECK.call(CHECK.request()), deadline=None) == b""


async def held_call(client: Client, peer: ServerPeer) -> asyncio.Task[bytes]:
    """A call that has reached its handler, which doesn't answer."""
    peer.script(GET_OOM_EVENT.full_name, hold=True)
    call = GET_OOM_EVENT.call(GET_OOM_EVENT.request())
    task = asyncio.create_task(client.call(call, deadline=None))
    await soon(peer.recorded)
    return task


async def test_metadata_arrives_with_duplicate_keys_in_order(
    peer: ServerPeer, client: Client
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    metadata = (("traceparent", trace), ("key", "1"), ("other", ""), ("key", "2"))

    await client.call(CHECK.call(CHECK.request(), metadata), deadline=None)

    (asked,) = peer.recorded()
    assert asked.metadata == {"traceparent": [trace], "key": ["1", "2"], "other": [""]}


async def test_time_out_arrives_as_sent(peer: ServerPeer, client: Client, clock: FakeClock) -> None:
    await client.call(CHECK.call(CHECK.request()), deadline=clock.monotonic() + 30)
    await client.call(CHECK.call(CHECK.request()), deadline=None)

    limited, unlimited = (asked.timeout_ns for asked in peer.recorded())
    if peer.language is Language.RUST:
        assert limited == timeout_ns(30)
    else:
        assert timeout_ns(20) < limited <= timeout_ns(30)
    assert unlimited == 0


async def test_each_code_comes_with_its_message_and_the_connection_lives(
    peer: ServerPeer, client: Client
) -> None:
    for code in FAILURES:
        peer.script(GET_METRICS.full_name, code=code, message=f"\u00e9 \u2028\n{code.name}")

        with pytest.raises(StatusError) as failure:
            await client.call(GET_METRICS.call(GET_METRICS.request()), deadline=None)

        assert (failure.value.code, failure.value.message) == (code, f"\u00e9 \u2028\n{code.name}")
    assert await is_alive(client)
    assert len(FAILURES) == 16


async def test_request_of_4_mib_arrives_and_a_longer_one_is_never_sent(
    peer: ServerPeer, client: Client
) -> None:
    longest, longer = policy_of(MAX_MESSAGE_BYTES), policy_of(MAX_MESSAGE_BYTES + 1)

    await client.call(SET_POLICY.call(longest), deadline=None)
    with pytest.raises(MessageTooLarge) as failure:
        await client.call(SET_POLICY.call(longer), deadline=None)

    assert failure.value.size_bytes == MAX_MESSAGE_BYTES + 1
    assert [asked.request for asked in peer.recorded()] == [longest]
    assert await is_alive(client)


async def test_answer_of_4_mib_comes_whole(peer: ServerPeer, client: Client) -> None:
    longest = metrics_of(MAX_MESSAGE_BYTES, with_status=peer.language is Language.RUST)
    peer.script(GET_METRICS.full_name, longest)

    answer = await client.call(GET_METRICS.call(GET_METRICS.request()), deadline=None)

    assert answer == longest.SerializeToString()


async def test_answer_over_4_mib_is_refused_by_the_rust_server(
    rust_server: ServerPeer, clock: FakeClock
) -> None:
    longer = metrics_of(MAX_MESSAGE_BYTES + 1, with_status=True)
    rust_server.script(GET_METRICS.full_name, longer)
    client = Client(rust_server.dial, clock=clock)

    with pytest.raises(StatusError, match="INVALID_ARGUMENT: message length 4194305"):
        await client.call(GET_METRICS.call(GET_METRICS.request()), deadline=None)

    assert await is_alive(client)
    await client.aclose()


async def test_answer_over_4_mib_costs_the_go_server_the_connection(
    go_server: ServerPeer, clock: FakeClock
) -> None:
    longer = metrics_of(MAX_MESSAGE_BYTES + 1, with_status=False)
    go_server.script(GET_METRICS.full_name, longer)
    client = Client(go_server.dial, clock=clock)

    with pytest.raises(ConnectionClosed):
        await client.call(GET_METRICS.call(GET_METRICS.request()), deadline=None)

    assert not client.alive
    await client.aclose()


async def test_a_hundred_calls_at_once_each_get_their_own_answer(
    peer: ServerPeer, client: Client
) -> None:
    rpcs = (list(RPCS.values()) * 3)[:100]
    for rpc in RPCS.values():
        peer.script(rpc.full_name, filled(rpc.response))

    answers = await asyncio.gather(
        *(client.call(rpc.call(filled(rpc.request)), deadline=None) for rpc in rpcs)
    )

    assert [rpc.response.FromString(answer) for rpc, answer in zip(rpcs, answers, strict=True)] == [
        filled(rpc.response) for rpc in rpcs
    ]
    recorded = peer.recorded()
    assert sorted(asked.method for asked in recorded) == sorted(rpc.full_name for rpc in rpcs)
    assert all(asked.request == filled(RPCS[asked.method].request) for asked in recorded)


async def test_a_blocked_call_holds_up_no_other(peer: ServerPeer, client: Client) -> None:
    blocked = await held_call(client, peer)

    for _ in range(20):
        assert await is_alive(client)

    assert not blocked.done()
    event = agent_pb2.OOMEvent(container_id="c1")
    peer.script(GET_OOM_EVENT.full_name, event)
    assert await blocked == event.SerializeToString()


async def test_a_server_that_dies_in_mid_call_ends_it(peer: ServerPeer, client: Client) -> None:
    blocked = await held_call(client, peer)

    peer.kill()

    with pytest.raises(ConnectionClosed):
        await blocked
    assert not client.alive


async def test_a_server_gives_up_by_itself_when_the_time_that_it_was_told_is_over(
    peer: ServerPeer, client: Client, clock: FakeClock
) -> None:
    peer.script(GET_OOM_EVENT.full_name, hold=True)

    with pytest.raises(StatusError) as failure:
        await client.call(
            GET_OOM_EVENT.call(GET_OOM_EVENT.request()), deadline=clock.monotonic() + 0.1
        )

    assert failure.value.code == Code.DEADLINE_EXCEEDED
    assert peer.dropped() == [GET_OOM_EVENT.full_name]
    assert await is_alive(client)


async def test_the_answer_to_a_call_that_was_given_up_is_dropped(
    peer: ServerPeer, clock: FakeClock
) -> None:
    told: list[str] = []
    client = Client(peer.dial, clock=clock, on_event=told.append)
    peer.script(GET_OOM_EVENT.full_name, hold=True)
    call = GET_OOM_EVENT.call(GET_OOM_EVENT.request())
    blocked = asyncio.create_task(client.call(call, deadline=clock.monotonic() + 3600))
    await soon(peer.recorded)

    blocked.cancel()
    await asyncio.wait([blocked])
    peer.script(GET_OOM_EVENT.full_name, agent_pb2.OOMEvent(container_id="c1"))

    await soon(lambda: told)
    assert told == [Dropped.LATE]
    assert await is_alive(client)
    await client.aclose()


async def test_closing_the_client_ends_what_the_server_does_for_it(
    peer: ServerPeer, client: Client
) -> None:
    blocked = await held_call(client, peer)

    await client.aclose()

    await asyncio.wait([blocked])
    assert isinstance(blocked.exception(), ConnectionClosed)
    await soon(peer.dropped)
    assert peer.dropped() == [GET_OOM_EVENT.full_name]
