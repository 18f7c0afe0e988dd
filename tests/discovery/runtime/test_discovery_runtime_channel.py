"""Calls to a runtime's socket: what each way of failing is called."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter._pb import cri_pb2
from kata_exporter.discovery.runtime import RuntimeChannel
from kata_exporter.errors import Reason, RuntimeCallError
from kata_exporter.simulator.host.grpc_socket import GrpcError, GrpcService, GrpcSocket
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget, CallWatch, NoWatch
from waiting import soon

VERSION = "runtime.v1.RuntimeService/Version"
EVENTS = "runtime.v1.RuntimeService/GetContainerEvents"
DESCRIPTOR = cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"]


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


class Peer:
    """A runtime whose answers a test sets."""

    def __init__(self, path: Path) -> None:
        self.answer: Message = cri_pb2.VersionResponse(runtime_name="containerd")
        self.hangs = False
        self.refusal = ""
        self.calls = 0
        self.socket = GrpcSocket(
            path,
            [
                GrpcService(
                    DESCRIPTOR,
                    unary={"Version": lambda _: self.answer},
                    streaming={"GetContainerEvents": self._events},
                    end_streams=lambda: None,
                    before=self._before,
                )
            ],
        )

    async def _before(self, method: str) -> None:
        del method
        self.calls += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.refusal:
            raise GrpcError(grpc.StatusCode.NOT_FOUND, self.refusal)

    async def _events(self, request: Any) -> AsyncIterator[Message]:
        del request
        yield self.answer


@pytest_asyncio.fixture
async def peer(tmp_path: Path, no_task_left: None) -> AsyncIterator[Peer]:
    del no_task_left  # asked for so that its check comes after this server's end
    peer = Peer(tmp_path / "c.sock")
    await peer.socket.start()
    yield peer
    await peer.socket.stop()


async def version(channel: RuntimeChannel) -> cri_pb2.VersionResponse:
    request = cri_pb2.VersionRequest()
    return await channel.call(VERSION, request, cri_pb2.VersionResponse, seconds=10.0)


async def failure(channel: RuntimeChannel) -> RuntimeCallError:
    with pytest.raises(RuntimeCallError) as caught:
        await version(channel)
    return caught.value


async def test_a_call_returns_its_answer(peer: Peer, clock: FakeClock) -> None:
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        assert (await version(channel)).runtime_name == "containerd"
    assert clock.pending == 0


async def test_no_socket_is_unavailable(tmp_path: Path, clock: FakeClock) -> None:
    async with RuntimeChannel(str(tmp_path / "none.sock"), clock=clock) as channel:
        error = await failure(channel)

    assert error.code == "UNAVAILABLE"
    assert error.detail.startswith(f"{VERSION}: '")


async def test_a_call_ends_with_its_deadline(peer: Peer, clock: FakeClock) -> None:
    peer.hangs = True
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        call = asyncio.create_task(failure(channel))
        await soon(lambda: peer.calls)
        clock.advance(10.0)
        error = await call

    assert str(error) == f"DEADLINE_EXCEEDED: {VERSION}: no answer within 10 s"


async def test_a_cancelled_call_is_cancelled(peer: Peer, clock: FakeClock) -> None:
    peer.hangs = True
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        call = asyncio.create_task(version(channel))
        await soon(lambda: peer.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert clock.pending == 0


async def test_a_call_that_is_cancelled_as_its_deadline_comes_is_cancelled(
    peer: Peer, clock: FakeClock
) -> None:
    peer.hangs = True
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        call = asyncio.create_task(version(channel))
        await soon(lambda: peer.calls)
        clock.advance(10.0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_an_answer_that_is_too_long_is_refused(peer: Peer, clock: FakeClock) -> None:
    peer.answer = cri_pb2.VersionResponse(version="x" * 2000)
    path = str(peer.socket.path)
    async with RuntimeChannel(path, clock=clock, max_message_bytes=1000) as channel:
        assert (await failure(channel)).code == "RESOURCE_EXHAUSTED"


async def test_what_the_runtime_says_of_an_error_is_escaped_and_cut(
    peer: Peer, clock: FakeClock
) -> None:
    peer.refusal = "no\n\u202e" + "x" * 1000
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        error = await failure(channel)

    assert error.code == "NOT_FOUND"
    assert error.detail.startswith(f"{VERSION}: 'no\\n\\u202exxx")
    assert error.detail.isprintable()
    assert len(error.detail) < 300


async def test_an_answer_that_is_no_such_message_is_refused(peer: Peer, clock: FakeClock) -> None:
    peer.answer = cri_pb2.ListPodSandboxResponse(items=[cri_pb2.PodSandbox(created_at=1 << 60)])
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        error = await failure(channel)
    assert str(error) == f"INTERNAL: {VERSION}: the answer is no runtime.v1.VersionResponse"


async def test_a_stream_yields_what_comes_and_says_how_it_ended(
    peer: Peer, clock: FakeClock
) -> None:
    peer.answer = cri_pb2.ContainerEventResponse(container_id="c-1")
    async with RuntimeChannel(str(peer.socket.path), clock=clock) as channel:
        request = cri_pb2.GetEventsRequest()
        events = channel.stream(EVENTS, request, cri_pb2.ContainerEventResponse)
        async with aclosing(events):
            assert (await anext(events)).container_id == "c-1"
            with pytest.raises(RuntimeCallError, match="UNAVAILABLE"):
                await anext(events)


async def test_a_channel_of_its_own_finds_a_socket_that_was_replaced(
    peer: Peer, clock: FakeClock
) -> None:
    path = str(peer.socket.path)
    async with RuntimeChannel(path, clock=clock) as old:
        await peer.socket.stop()
        assert (await failure(old)).code == "UNAVAILABLE"
        await peer.socket.start()

        async with RuntimeChannel(path, clock=clock) as new:
            assert (await version(new)).runtime_name == "containerd"


class CallNotes(NoWatch):
    """A hook of calls, and its watch, that notes what it is told and adds a key of metadata."""

    def __init__(self) -> None:
        self.started_with: list[CallInfo] = []
        self.outcomes: list[CallOutcome] = []

    def started(self, info: CallInfo) -> CallWatch:
        self.started_with.append(info)
        return self

    def metadata(self) -> Sequence[tuple[str, str]]:
        return (("traceparent", "00-1-2-01"),)

    def ended(self, outcome: CallOutcome) -> None:
        self.outcomes.append(outcome)


async def test_each_call_is_watched(peer: Peer, clock: FakeClock) -> None:
    notes, path = CallNotes(), str(peer.socket.path)
    async with RuntimeChannel(path, clock=clock, hook=notes) as channel:
        await version(channel)
        peer.refusal = "no such thing"
        await failure(channel)

    assert notes.started_with == [CallInfo(VERSION, CallTarget(path), system="grpc")] * 2
    good, bad = notes.outcomes
    size = peer.answer.ByteSize()
    assert good == CallOutcome(Reason.OK, "OK", response_bytes=size)
    assert (bad.reason, bad.code) == (Reason.AGENT_ERROR, "NOT_FOUND")
    assert "no such thing" in bad.message


@pytest.mark.usefixtures("no_task_left")
async def test_what_the_watch_adds_to_a_call_reaches_the_runtime(
    tmp_path: Path, clock: FakeClock
) -> None:
    seen: list[dict[str, Any]] = []

    async def handle(request: bytes, context: Any) -> bytes:
        del request
        seen.append(dict(context.invocation_metadata()))
        return b""

    server, path = grpc.aio.server(), str(tmp_path / "m.sock")
    handlers: dict[str, Any] = {"Version": grpc.unary_unary_rpc_method_handler(handle)}
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(VERSION.partition("/")[0], handlers)]
    )
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        async with RuntimeChannel(path, clock=clock, hook=CallNotes()) as channel:
            await version(channel)
    finally:
        await server.stop(None)

    assert seen[0]["traceparent"] == "00-1-2-01"


async def test_a_call_that_is_cancelled_ends_for_its_watch_too(
    peer: Peer, clock: FakeClock
) -> None:
    peer.hangs, notes = True, CallNotes()
    async with RuntimeChannel(str(peer.socket.path), clock=clock, hook=notes) as channel:
        call = asyncio.create_task(version(channel))
        await soon(lambda: peer.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert [(each.reason, each.code) for each in notes.outcomes] == [(Reason.CLOSED, "CANCELLED")]
