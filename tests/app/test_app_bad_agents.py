"""Agents that break the wire's rules: each is down with its own reason, and alone.

The agents here are a few bytes on a socket, since nothing that speaks ttrpc would say such things.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kata_exporter._pb import health_pb2
from kata_exporter.app import Exporter
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    Settings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import Container, Pod
from kata_exporter.simulator import Fleet
from kata_exporter.sockets import bind_unix
from kata_exporter.ttrpc import Server, ServerRequest
from promtool import check_metrics
from waiting import soon

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]

VERSION = health_pb2.VersionCheckResponse(agent_version="4.1.0").SerializeToString()


def frame(stream_id: int, body: bytes, *, kind: int = 2, flags: int = 0) -> bytes:
    return struct.pack(">IIBB", len(body), stream_id, kind, flags) + body


def says(answer: bytes, *, then_close: bool = False) -> Answer:
    async def speak(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, header: bytes
    ) -> None:
        del header
        writer.write(answer)
        await writer.drain()
        if not then_close:
            await reader.read()

    return speak


async def answers_somebody_else(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, header: bytes
) -> None:
    stream_id = int.from_bytes(header[4:8], "big")
    writer.write(frame(stream_id + 2, b"\x0a\x00\x12" + bytes([len(VERSION)]) + VERSION))
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, header: bytes) -> None:
    del reader
    stream_id = int.from_bytes(header[4:8], "big")
    for byte in frame(stream_id, bytes(4000)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


BAD_AGENTS: dict[str, tuple[Answer, str]] = {
    "garbage": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol_error"),
    "random-bytes": (says(bytes(range(256)) * 64), "protocol_error"),
    "four-gib-announced": (says(struct.pack(">IIBB", 0xFFFFFFFF, 1, 2, 0)), "too_large"),
    "cap-and-one": (says(struct.pack(">IIBB", (64 << 10) + 65, 1, 2, 0)), "too_large"),
    "nothing": (says(b""), "timeout"),
    "header-only": (says(struct.pack(">IIBB", 100, 1, 2, 0)), "timeout"),
    "half-a-header-and-gone": (says(b"\x00\x00\x00", then_close=True), "closed"),
    "half-a-frame-and-gone": (says(frame(1, bytes(100))[:50], then_close=True), "closed"),
    "gone-at-once": (says(b"", then_close=True), "closed"),
    "even-stream-id": (says(frame(2, b"")), "protocol_error"),
    "request-from-a-server": (says(frame(1, b"", kind=1)), "protocol_error"),
    "flags": (says(frame(1, b"", flags=1)), "protocol_error"),
    "no-protobuf": (says(frame(1, b"\xff\xff\xff")), "protocol_error"),
    "somebody-elses-stream": (answers_somebody_else, "protocol_error"),
    "flood-of-unknown-answers": (says(frame(9, b"") * 10_000), "protocol_error"),
    "slow-drip": (drips, "timeout"),
}


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
        await server.wait_closed()
        for task in (over := list(serving)):
            task.cancel()
        await asyncio.gather(*over)


@asynccontextmanager
async def exporter_on(*sandboxes: StaticSandbox) -> AsyncIterator[Exporter]:
    settings = Settings(
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


@pytest.mark.parametrize("name", BAD_AGENTS)
async def test_a_bad_agent_is_down_with_its_reason_and_the_others_are_not(
    tmp_path: Path, name: str
) -> None:
    answer, reason = BAD_AGENTS[name]
    fleet = Fleet(tmp_path / "fleet", sandboxes=2, seed=1)
    await fleet.start()
    good = [StaticSandbox(s.id, s.agent_url, s.pod, s.containers) for s in fleet.sandboxes]
    bad = StaticSandbox("bad-one", f"unix://{tmp_path}/bad.sock", Pod("shop", "bad"))

    async with bad_agent(tmp_path / "bad.sock", answer), exporter_on(bad, *good) as exporter:
        await soon(lambda: reasons(exporter) == {reason: 1, "ok": 2})

        page = exporter.render().decode()
        assert 'kata_sandbox_up{sandbox_id="bad-one",namespace="shop",pod="bad"} 0' in page
        assert page.count("\nkata_guest_load1{") == 2
    await fleet.stop()


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


@pytest.mark.real
async def test_the_page_passes_promtool_with_every_bad_agent_on_it(tmp_path: Path) -> None:
    agents = [bad_agent(tmp_path / name, answer) for name, (answer, _) in BAD_AGENTS.items()]
    for agent in agents:
        await agent.__aenter__()
    sandboxes = [StaticSandbox(name, f"unix://{tmp_path}/{name}") for name in BAD_AGENTS]

    async with exporter_on(*sandboxes) as exporter:
        await soon(exporter.ready)

        assert check_metrics(exporter.render()) == ""
        assert exporter.summary().up == 0
    for agent in agents:
        await agent.__aexit__(None, None, None)


async def test_a_frozen_vmm_that_never_says_ok_is_a_time_out(tmp_path: Path) -> None:
    frozen = bind_unix(str(tmp_path / "frozen.sock"))

    async with exporter_on(
        StaticSandbox("frozen", f"hvsock://{tmp_path}/frozen.sock:1024")
    ) as exporter:
        await soon(lambda: reasons(exporter) == {"timeout": 1})
    frozen.close()


@pytest.mark.parametrize("answer", [b"KO\n", b"OK\n", b"OK 1024 \n", b"x" * 65, b""])
async def test_a_vmm_that_says_no_is_a_failed_handshake(tmp_path: Path, answer: bytes) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"CONNECT 1024\n"
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(connected, sock=bind_unix(str(tmp_path / "vmm.sock")))

    async with exporter_on(
        StaticSandbox("refused", f"hvsock://{tmp_path}/vmm.sock:1024")
    ) as exporter:
        await soon(lambda: reasons(exporter) == {"handshake_failed": 1})
    server.close()
    await server.wait_closed()


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
