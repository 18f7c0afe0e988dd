"""Faults of the wire: what the agent answers is right, and what arrives is not.

The honest server is asked through a socket pair, and each frame that it answers is handed to the
fault, which says what becomes of it as a series of steps.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress

from kata_exporter.clock import Clock
from kata_exporter.simulator.faults.base import Fault, Serve
from kata_exporter.simulator.faults.preface import hung_up
from kata_exporter.ttrpc.frames import Frame, FrameReader, FrameType, encode_frame

Send = bytes
"""A step: send these bytes."""


class Wait(float):
    """A step: let so many seconds pass."""


class Hang:
    """A step: say nothing more, and keep the connection."""


class Close:
    """A step: close the connection."""


Step = Send | Wait | Hang | Close
Tamper = Callable[[Frame], Iterable[Step]]
"""Says what becomes of one answer."""


class Tampering(Fault):
    """Does to each answer as `tamper` says.

    Args:
        tamper: is given each frame that the honest agent answers.
        clock: for waits.
        resets: closing resets the connection, as a kernel does where data wasn't read; only the
            first request of a connection is answered then.
    """

    keeps_connections = False

    def __init__(self, tamper: Tamper, clock: Clock, *, resets: bool = False) -> None:
        self._tamper = tamper
        self._clock = clock
        self._pass_on = _show if resets else _pass_on

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Pass requests on, and tamper with what comes back."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        honest = asyncio.ensure_future(serve(theirs))
        asking = asyncio.ensure_future(self._pass_on(sock, ours))
        try:
            async for frame in _frames(ours):
                for step in self._tamper(frame):
                    if not await self._take(step, sock, asking):
                        return
        except ConnectionError:
            return  # the client went
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            ours.close()
            sock.close()
            await honest

    async def _take(self, step: Step, sock: socket.socket, asking: asyncio.Future[None]) -> bool:
        """Take a step; returns whether the connection goes on."""
        match step:
            case Wait():
                await self._clock.sleep(step)
            case bytes():
                await asyncio.get_running_loop().sock_sendall(sock, step)
            case Hang():
                await asyncio.wait([asking])  # until the client goes
                return False
            case Close():
                return False
        return True


class NeverReads(Fault):
    """Accepts and never reads, so that the client's writes pile up."""

    keeps_connections = False

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Hold the connection until the client goes."""
        del serve
        with sock:
            await hung_up(sock)


class HangsUp(Fault):
    """Closes each connection as soon as it is made."""

    keeps_connections = False

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Close it."""
        del serve
        sock.close()


class Babbles(Fault):
    """Says its own bytes on each connection, without being asked, and then listens on."""

    keeps_connections = False

    def __init__(self, *said: bytes) -> None:
        self._said = said

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Say it."""
        del serve
        with sock:
            with suppress(ConnectionError):
                for piece in self._said:
                    await asyncio.get_running_loop().sock_sendall(sock, piece)
            await _read_on(sock)


async def _read_on(sock: socket.socket) -> None:
    """Read and forget until the client goes."""
    with suppress(ConnectionError):
        while await asyncio.get_running_loop().sock_recv(sock, 65536):
            pass


async def _pass_on(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await loop.sock_recv(source, 65536):
            await loop.sock_sendall(target, data)
    # The client went, so there is nobody to answer: end the honest side as well.
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


async def _show(source: socket.socket, target: socket.socket) -> None:
    """Pass on what has come, and leave it unread: a socket closed on unread data is reset."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(source, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(source)
    await loop.sock_sendall(target, source.recv(65536, socket.MSG_PEEK))


async def _frames(source: socket.socket) -> AsyncIterator[Frame]:
    reader = FrameReader(lambda _header: True)
    while data := await asyncio.get_running_loop().sock_recv(source, 65536):
        for frame in reader.feed(data):
            yield frame


def encoded(frame: Frame, *, stream_id: int | None = None) -> bytes:
    """Encode an answer again, under another stream id if one is given."""
    own = frame.header.stream_id if stream_id is None else stream_id
    return encode_frame(own, FrameType.RESPONSE, frame.body or b"")


def header(length: int, stream_id: int, *, frame_type: int = 2, flags: int = 0) -> bytes:
    """Encode a header alone, with any numbers in it."""
    return struct.pack(">IIBB", length, stream_id, frame_type, flags)


def with_header(frame: Frame, *, frame_type: int = 2, flags: int = 0) -> bytes:
    """Encode an answer with another type or flags in its header."""
    body = frame.body or b""
    return header(len(body), frame.header.stream_id, frame_type=frame_type, flags=flags) + body
