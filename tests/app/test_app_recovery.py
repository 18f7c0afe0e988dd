"""What a bad agent may cost, and that it is asked again once it is good."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kata_exporter._pb import health_pb2
from kata_exporter.app import Exporter
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import Container
from kata_exporter.sockets import bind_unix
from kata_exporter.ttrpc import Server, ServerRequest
from rig import ALONE
from waiting import soon

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]

VERSION = health_pb2.VersionCheckResponse(agent_version="4.1.0").SerializeToString()


def frame(stream_id: int, body: bytes) -> bytes:
    return struct.pack(">IIBB", len(body), stream_id, 2, 0) + body


@asynccontextmanager
async def bad_agent(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Serve one agent that reads a request's header and then does as `answer` says."""
    serving: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            header = await reader.readexactly(10)
            await answer(reader, writer, header)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the exporter hung up, as it should
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_unix_server(connected, sock=bind_unix(str(path)))
    try:
        yield
    finally:
        server.close()
        for task in (over := list(serving)):
            task.cancel()
        await asyncio.gather(*over)
        await server.wait_closed()


@asynccontextmanager
async def exporter_on(*sandboxes: StaticSandbox) -> AsyncIterator[Exporter]:
    settings = replace(
        ALONE,
        collection=CollectionSettings(interval_seconds=1.0),
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        sandboxes=sandboxes,
    )
    exporter = Exporter(settings, environ={})
    await exporter.start()
    try:
        yield exporter
    finally:
        await exporter.stop()


def reasons(exporter: Exporter) -> dict[str, int]:
    return dict(exporter.summary().by_reason)


async def test_an_agent_that_breaks_its_connection_costs_one_connection_a_round(
    tmp_path: Path,
) -> None:
    """It answers the version, so that both collectors ask, and then breaks every rule."""
    connections = 0

    async def breaks_off(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, header: bytes
    ) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await reader.readexactly(int.from_bytes(header[:4], "big"))
            body = b"\x0a\x00\x12" + bytes([len(VERSION)]) + VERSION
            writer.write(frame(1, body))
            await reader.readexactly(10)
        writer.write(b"\xff" * 64)
        await reader.read()

    bad = StaticSandbox(
        "bad-one",
        f"unix://{tmp_path}/bad.sock",
        containers=tuple(Container(f"ctr-{n}", f"c{n}") for n in range(8)),
    )
    async with bad_agent(tmp_path / "bad.sock", breaks_off), exporter_on(bad) as exporter:
        rounds = b'kata_exporter_collections_total{result="protocol_error"} 3.0'
        await soon(lambda: rounds in exporter.render())

        assert connections == 3


async def test_an_agent_that_was_dead_is_asked_again_when_it_lives(tmp_path: Path) -> None:
    async def handle(request: ServerRequest) -> bytes:
        assert request.method in {"Version", "GetMetrics"}
        if request.method == "Version":
            return VERSION
        return b"\x0a\x1f" + b'kata_guest_load{item="load1"} 1'

    async with exporter_on(StaticSandbox("late", f"unix://{tmp_path}/late.sock")) as exporter:
        await soon(lambda: reasons(exporter) == {"connect_failed": 1})
        server = Server(handle, clock=SystemClock())
        await server.serve(bind_unix(str(tmp_path / "late.sock")))

        await soon(lambda: reasons(exporter) == {"ok": 1})
    await server.aclose()
