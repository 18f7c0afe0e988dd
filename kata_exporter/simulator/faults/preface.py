"""Faults of connecting: before a connection is there, and on hybrid vsock between CONNECT and OK."""

import asyncio
import select
import socket
from collections.abc import Iterable

from kata_exporter.simulator.faults.answers import NoAnswer
from kata_exporter.simulator.faults.base import Fault, Serve


class ConnectHang(Fault):
    """Nobody accepts, and no more connections fit into the socket's backlog."""

    keeps_connections = False
    accepts = False


class FrozenGuest(NoAnswer):
    """The VMM is stopped: connections are accepted, and nothing is said on them.

    Once it goes on, what was asked meanwhile is answered, on old connections and on new ones.
    """

    async def preface(self, sock: socket.socket, ok: bytes) -> bool:
        """Say OK when the fault is over, if the client is still there."""
        return await self._thawed(sock) and await super().preface(sock, ok)

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Serve when the fault is over, if the client is still there."""
        if await self._thawed(sock):
            await serve(sock)

    async def _thawed(self, sock: socket.socket) -> bool:
        waits = [asyncio.ensure_future(w) for w in (self.over.wait(), hung_up(sock))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        return self.over.is_set()


class PrefaceSays(Fault):
    """The VMM answers CONNECT with other bytes, and hangs up."""

    keeps_connections = False

    def __init__(self, *said: bytes) -> None:
        self._said = said

    async def preface(self, sock: socket.socket, ok: bytes) -> bool:
        """Say it."""
        del ok
        await say(sock, self._said)
        return False


class PrefaceInPieces(Fault):
    """The VMM's OK comes byte by byte: odd, and allowed."""

    keeps_connections = False

    async def preface(self, sock: socket.socket, ok: bytes) -> bool:
        """Send OK in pieces."""
        await say(sock, (ok[index : index + 1] for index in range(len(ok))))
        return True


async def say(sock: socket.socket, pieces: Iterable[bytes]) -> None:
    """Send pieces, each in a write of its own, to a client that may go at any time."""
    loop = asyncio.get_running_loop()
    try:
        for piece in pieces:
            await loop.sock_sendall(sock, piece)
            await asyncio.sleep(0)
    except ConnectionError:
        return  # it has seen enough


async def hung_up(sock: socket.socket) -> None:
    """Return when the client has gone, without reading what it sent."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    with select.epoll() as hang_ups:
        hang_ups.register(sock, select.EPOLLRDHUP)
        loop.add_reader(hang_ups, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(hang_ups)
