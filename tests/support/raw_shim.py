"""A shim's socket behind which a test says any bytes that it likes, and counts those that come."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from kata_exporter.sockets import bind_unix

REQUEST = (
    b"GET /agent-url HTTP/1.1\r\nHost: shim\r\nAccept: text/plain\r\n"
    b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
)
"""All that is ever asked of a shim."""


class RawShim:
    """Answers each connection with the same pieces, and then hangs up or goes on listening.

    Attributes:
        received: all bytes that came, of all connections.
        connections: how many there were.
        ended: how many of them are over.
        sent_bytes: how much could be said.
    """

    def __init__(self, pieces: Iterable[bytes], *, pause_seconds: float, hang_up: bool) -> None:
        self.received = b""
        self.connections = 0
        self.ended = 0
        self.sent_bytes = 0
        self._pieces = pieces
        self._pause_seconds = pause_seconds
        self._hang_up = hang_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            # Who gives up in the middle of an answer resets the connection.
            with suppress(ConnectionError):
                await self._answer(reader, writer)
        finally:
            self.ended += 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            came = await reader.read(65536)
            if not came:
                return
            request += came
            self.received += came
        for piece in self._pieces:
            writer.write(piece)
            await writer.drain()
            self.sent_bytes += len(piece)
            await asyncio.sleep(self._pause_seconds)
        if not self._hang_up:
            self.received += await reader.read()


@asynccontextmanager
async def raw_shim(
    folder: Path, *pieces: bytes, pause_seconds: float = 0.0, hang_up: bool = False
) -> AsyncIterator[RawShim]:
    """Serve `pieces` on FOLDER/shim-monitor.sock, each in a write of its own."""
    async with serving(folder, pieces, pause_seconds=pause_seconds, hang_up=hang_up) as shim:
        yield shim


@asynccontextmanager
async def serving(
    folder: Path, pieces: Iterable[bytes], *, pause_seconds: float = 0.0, hang_up: bool = False
) -> AsyncIterator[RawShim]:
    """Do the same with pieces that may never end."""
    shim = RawShim(pieces, pause_seconds=pause_seconds, hang_up=hang_up)
    tasks = set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(shim.serve(reader, writer)))

    folder.mkdir(exist_ok=True)
    path = folder / "shim-monitor.sock"
    server = await asyncio.start_unix_server(connected, sock=bind_unix(str(path)))
    try:
        yield shim
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        path.unlink(missing_ok=True)
