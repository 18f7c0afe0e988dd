"""A unix socket that a test listens on, and plays a VMM or an agent behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Vmm:
    """A listener, and the connections that it accepted."""

    def __init__(self, path: Path, *, backlog: int = 8) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.listener.bind(str(path))
        self.listener.listen(backlog)
        self.accepted: list[socket.socket] = []

    async def accept(self) -> socket.socket:
        """Accept the next connection; it is closed with the listener."""
        sock, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        self.accepted.append(sock)
        return sock

    async def asked(self) -> socket.socket:
        """Accept the next connection and read its CONNECT."""
        sock = await self.accept()
        line = b""
        while not line.endswith(b"\n"):
            line += await asyncio.get_running_loop().sock_recv(sock, 1)
        assert line == b"CONNECT 1024\n"
        return sock

    def close(self) -> None:
        """Close everything."""
        for sock in (self.listener, *self.accepted):
            sock.close()


@asynccontextmanager
async def listening(path: Path, *, backlog: int = 8) -> AsyncIterator[Vmm]:
    """Listen on `path`."""
    vmm = Vmm(path, backlog=backlog)
    try:
        yield vmm
    finally:
        vmm.close()
