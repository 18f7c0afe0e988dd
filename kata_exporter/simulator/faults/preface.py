"""Faults of a VMM's hybrid vsock socket: between CONNECT and OK."""

import asyncio
import socket
from collections.abc import Iterable

from kata_exporter.simulator.faults.answers import NoAnswer
from kata_exporter.simulator.faults.base import Fault, Serve


class FrozenGuest(NoAnswer):
    """The VMM is stopped: connections are accepted, and nothing is said on them.

    Connections that are open stay open, and what was asked on them is answered once it goes on.
    """

    async def preface(self, sock: socket.socket, ok: bytes) -> bool:
        """Say nothing until the client goes."""
        del ok
        await until_closed(sock)
        return False

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Say nothing here either: on a plain unix socket there is no preface."""
        del serve
        with sock:
            await until_closed(sock)


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


class PrefaceGlued(Fault):
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


async def until_closed(sock: socket.socket) -> None:
    """Read and forget until the client goes."""
    loop = asyncio.get_running_loop()
    try:
        while await loop.sock_recv(sock, 65536):
            pass
    except ConnectionError:
        return
