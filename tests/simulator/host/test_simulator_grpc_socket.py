"""gRPC services on a unix socket: its life, and why it can't be bound."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from grpc import aio

from fake_clock import FakeClock
from grpc_client import connected, grpc_let_go, served
from kata_exporter._pb import cri_pb2
from kata_exporter.simulator.host.feed import Feed
from kata_exporter.simulator.host.grpc_socket import GrpcError, GrpcService, GrpcSocket
from kata_exporter.sockets import bind_unix
from waiting import soon

VERSION = cri_pb2.VersionResponse(runtime_name="none")
ASK = cri_pb2.VersionRequest()
FOLLOW = cri_pb2.GetEventsRequest()


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.fixture
def feed(clock: FakeClock) -> Feed[cri_pb2.ContainerEventResponse]:
    return Feed(clock)


def refuse(request: Message) -> Message:
    del request
    raise GrpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much is asked")


@pytest.fixture
def service(feed: Feed[cri_pb2.ContainerEventResponse]) -> GrpcService:
    return GrpcService(
        cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"],
        unary={"Version": lambda _: VERSION, "Status": refuse},
        streaming={"GetContainerEvents": lambda _: feed.follow()},
        end_streams=feed.end,
    )


async def test_an_error_of_a_method_has_its_code_and_text(
    service: GrpcService, tmp_path: Path
) -> None:
    async with served(tmp_path / "a.sock", service) as client:
        with pytest.raises(aio.AioRpcError) as caught:
            await client.call("Status", cri_pb2.StatusRequest())

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == "too much is asked"


async def test_an_answer_can_be_late_or_be_refused_beforehand(
    service: GrpcService, tmp_path: Path, clock: FakeClock
) -> None:
    asked: list[str] = []

    async def before(method: str) -> None:
        asked.append(method)
        await clock.sleep(5.0)
        if len(asked) > 1:
            raise GrpcError(grpc.StatusCode.UNKNOWN, "not again")

    async with served(tmp_path / "a.sock", replace(service, before=before)) as client:
        for code in (None, grpc.StatusCode.UNKNOWN):
            call = asyncio.ensure_future(client.call("Version", ASK))
            await soon(lambda: clock.pending)
            assert not call.done()
            clock.advance(5.0)
            await asyncio.wait([call])
            error = call.exception()
            assert (error.code() if isinstance(error, aio.AioRpcError) else error) is code
    assert asked == ["Version", "Version"]


async def test_a_method_without_a_function_is_unimplemented(
    service: GrpcService, tmp_path: Path
) -> None:
    async with served(tmp_path / "a.sock", service) as client:
        with pytest.raises(aio.AioRpcError) as caught:
            await client.call("ListContainers", cri_pb2.ListContainersRequest())

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_function_for_a_method_that_is_not_there_is_refused(service: GrpcService) -> None:
    wrong = GrpcService(service.descriptor, {"Verzion": refuse}, {}, service.end_streams)

    with pytest.raises(KeyError, match="Verzion"):
        wrong.handler()


async def test_a_stop_ends_streams_and_removes_the_socket_until_the_next_start(
    service: GrpcService, feed: Feed[cri_pb2.ContainerEventResponse], tmp_path: Path
) -> None:
    socket = GrpcSocket(tmp_path / "a.sock", [service])
    for _ in range(2):
        await socket.start()
        async with connected(socket.path, service.descriptor) as client:
            assert await client.call("Version", ASK) == VERSION
            stream = client.stream("GetContainerEvents", FOLLOW)
            await soon(lambda: feed.followers == 1)

            await socket.stop()
            await socket.stop()

            with pytest.raises(aio.AioRpcError) as caught:
                await stream.read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not socket.path.exists()


@pytest.mark.parametrize("turns", range(4))
async def test_a_start_that_is_cancelled_leaves_no_socket(
    turns: int, service: GrpcService, tmp_path: Path
) -> None:
    socket = GrpcSocket(tmp_path / "a.sock", [service])
    starting = asyncio.ensure_future(socket.start())
    for _ in range(turns):
        await asyncio.sleep(0)

    starting.cancel()
    await asyncio.wait([starting])
    await socket.stop()

    assert not socket.path.exists()


async def test_a_dead_socket_is_replaced(service: GrpcService, tmp_path: Path) -> None:
    bind_unix(str(tmp_path / "a.sock")).close()

    async with served(tmp_path / "a.sock", service) as client:
        assert await client.call("Version", ASK) == VERSION


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("x" * 120, "no socket over 107 bytes"),
        ("no/such/folder", "No such file"),
        ("file", "in use"),
    ],
)
async def test_a_socket_that_cannot_be_bound_says_why_and_leaves_nothing(
    service: GrpcService, tmp_path: Path, path: str, why: str
) -> None:
    (tmp_path / "file").write_text("stays as it is")
    socket = GrpcSocket(tmp_path / path, [service])

    with pytest.raises(OSError, match=why):
        await socket.start()
    await socket.stop()

    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
