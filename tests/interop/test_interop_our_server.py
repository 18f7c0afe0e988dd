"""Clients in Go and Rust on our server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.message import Message

from client_peer import PeerCall, PeerResult, client_peer
from fake_clock import FakeClock
from filled_message import filled
from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.ttrpc import Code, Server, ServerRequest, StatusError
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from kata_exporter.ttrpc.server import Handler
from padded_message import metrics_of, policy_of
from rpcs import RPCS

pytestmark = pytest.mark.real

CHECK = PeerCall("grpc.Health/Check", health_pb2.CheckRequest())
GET_METRICS = PeerCall("grpc.AgentService/GetMetrics", agent_pb2.GetMetricsRequest())
GET_OOM_EVENT = PeerCall("grpc.AgentService/GetOOMEvent", agent_pb2.GetOOMEventRequest())
HEALTHY = PeerResult(health_pb2.HealthCheckResponse())


@asynccontextmanager
async def serving(handle: Handler, folder: Path, clock: FakeClock) -> AsyncIterator[Path]:
    """Our server on a unix socket, whose path is given."""
    path = folder / "ours.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.setblocking(False)
    server = Server(handle, clock=clock)
    await server.serve(listener)
    try:
        yield path
    finally:
        await server.aclose()


class Recorder:
    """A handler that keeps what it was asked, and answers each method with one message."""

    def __init__(self, answers: dict[str, Message] | None = None) -> None:
        self.asked: list[ServerRequest] = []
        self._answers = answers or {}

    async def __call__(self, request: ServerRequest) -> bytes:
        self.asked.append(request)
        answer = self._answers.get(f"{request.service}/{request.method}")
        return b"" if answer is None else answer.SerializeToString()


class Blocker:
    """A handler that answers GetOOMEvent only when it is let go, and all else at once."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.others = 0

    async def __call__(self, request: ServerRequest) -> bytes:
        if request.method != "GetOOMEvent":
            self.others += 1
            return b""
        self.entered.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return agent_pb2.OOMEvent(container_id="c1").SerializeToString()


async def test_every_field_arrives_and_goes_back(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    calls = [PeerCall(name, filled(rpc.request)) for name, rpc in RPCS.items()]
    answers = {name: filled(rpc.response) for name, rpc in RPCS.items()}
    record = Recorder(answers)

    async with (
        serving(record, tmp_path, clock) as path,
        client_peer(client_binary, path, calls) as client,
    ):
        results = await client.results()

    assert [result.answer for result in results] == list(answers.values())
    asked = {f"{request.service}/{request.method}": request.payload for request in record.asked}
    assert {name: RPCS[name].request.FromString(asked[name]) for name in RPCS} == {
        call.method: call.request for call in calls
    }


async def test_metadata_and_time_out_arrive(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    record = Recorder()
    metadata = [("traceparent", "00-1-2-01"), ("key", "1"), ("key", "2")]
    limited = PeerCall(CHECK.method, CHECK.request, 30_000_000_000, metadata)

    async with (
        serving(record, tmp_path, clock) as path,
        client_peer(client_binary, path, [limited], [CHECK]) as client,
    ):
        assert await client.results() == [HEALTHY, HEALTHY]

    first, second = record.asked
    assert sorted(first.metadata) == sorted(metadata)
    assert second.metadata == ()
    # Go sends what is left of it.
    assert 20_000_000_000 < first.timeout_ns <= limited.timeout_ns
    assert second.timeout_ns == 0


async def test_each_code_goes_with_its_message(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    failures = [code for code in Code if code is not Code.OK]
    codes = iter(failures)

    async def refuse(request: ServerRequest) -> bytes:
        del request
        code = next(codes)
        raise StatusError(code, f"\u00e9 \u2028\n{code.name}")

    async with (
        serving(refuse, tmp_path, clock) as path,
        client_peer(client_binary, path, *([CHECK] for _ in failures)) as client,
    ):
        results = await client.results()

    assert [(result.code, result.message) for result in results] == [
        (code, f"\u00e9 \u2028\n{code.name}") for code in failures
    ]


async def test_messages_of_4_mib_go_through_whole(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    request = PeerCall("grpc.AgentService/SetPolicy", policy_of(MAX_MESSAGE_BYTES))
    metrics = metrics_of(MAX_MESSAGE_BYTES, with_status=True)
    record = Recorder({GET_METRICS.method: metrics})

    async with (
        serving(record, tmp_path, clock) as path,
        client_peer(client_binary, path, [request], [GET_METRICS]) as client,
    ):
        policy_set, answered = await client.results()

    assert policy_set == PeerResult(RPCS[request.method].response())
    assert record.asked[0].payload == request.request.SerializeToString()
    assert answered.answer == metrics


async def test_an_answer_over_4_mib_is_refused_and_the_connection_lives(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    longer = metrics_of(MAX_MESSAGE_BYTES + 1, with_status=True)
    record = Recorder({GET_METRICS.method: longer})

    async with (
        serving(record, tmp_path, clock) as path,
        client_peer(client_binary, path, [GET_METRICS], [CHECK]) as client,
    ):
        refused, checked = await client.results()

    assert refused.code == Code.INVALID_ARGUMENT
    assert checked == HEALTHY


async def test_a_hundred_calls_at_once_each_get_their_own_answer(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    asked_all = asyncio.Barrier(100)

    async def list_processes(request: ServerRequest) -> bytes:
        await asked_all.wait()  # so that all of them are under way at once
        asked = agent_pb2.ListProcessesRequest.FromString(request.payload)
        listed = agent_pb2.ListProcessesResponse(process_list=asked.container_id.encode())
        return listed.SerializeToString()

    calls = [
        PeerCall(
            "grpc.AgentService/ListProcesses",
            agent_pb2.ListProcessesRequest(container_id=f"c{number}"),
        )
        for number in range(100)
    ]
    async with (
        serving(list_processes, tmp_path, clock) as path,
        client_peer(client_binary, path, calls) as client,
    ):
        results = await client.results()

    assert [result.answer for result in results] == [
        agent_pb2.ListProcessesResponse(process_list=f"c{number}".encode()) for number in range(100)
    ]


async def test_a_blocked_call_holds_up_no_other(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    block = Blocker()

    async def handle(request: ServerRequest) -> bytes:
        answer = await block(request)
        if block.others == 20:
            block.go.set()  # what was blocked goes on only when all the others have come
        return answer

    async with (
        serving(handle, tmp_path, clock) as path,
        client_peer(client_binary, path, [GET_OOM_EVENT, *([CHECK] * 20)]) as client,
    ):
        blocked, *others = await client.results()

    assert blocked.answer == agent_pb2.OOMEvent(container_id="c1")
    assert others == [HEALTHY] * 20


async def test_a_handler_ends_when_the_time_that_the_client_sent_is_over(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    block = Blocker()
    limited = PeerCall(GET_OOM_EVENT.method, GET_OOM_EVENT.request, 50_000_000_000)

    async with (
        serving(block, tmp_path, clock) as path,
        client_peer(client_binary, path, [limited], [CHECK]) as client,
    ):
        await asyncio.wait_for(block.entered.wait(), 10)
        clock.advance(50)
        timed_out, checked = await client.results()

    assert (timed_out.code, timed_out.message) == (Code.DEADLINE_EXCEEDED, "timeout")
    assert checked == HEALTHY
    assert block.cancelled.is_set()


async def test_a_client_that_dies_in_mid_call_ends_its_handler(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    block = Blocker()

    async with (
        serving(block, tmp_path, clock) as path,
        client_peer(client_binary, path, [GET_OOM_EVENT]) as client,
    ):
        await asyncio.wait_for(block.entered.wait(), 10)
        client.kill()
        await asyncio.wait_for(block.cancelled.wait(), 10)


async def test_a_server_that_closes_in_mid_call_fails_it(
    client_binary: Path, tmp_path: Path, clock: FakeClock
) -> None:
    block = Blocker()

    async with AsyncExitStack() as server:
        path = await server.enter_async_context(serving(block, tmp_path, clock))
        async with client_peer(client_binary, path, [GET_OOM_EVENT]) as client:
            await asyncio.wait_for(block.entered.wait(), 10)
            await server.aclose()
            (result,) = await client.results()

    assert result.answer is None
    assert result.failure
