"""The hybrid vsock socket of a VMM, as Firecracker and Cloud Hypervisor offer it.

A client that connects says in one write which port of the guest it wants; it is told OK and a
number, and from there on talks to the guest. What follows the line in the same write is lost.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Mapping

_CONNECT = re.compile(rb"CONNECT ([0-9]{1,10})\n")
_READ_BYTES = 4096

GuestPort = Callable[[socket.socket], Awaitable[None]]
"""Serves a connected socket until it closes."""


class HybridVsock:
    """Passes connections on to ports of a guest.

    Args:
        ports: who serves which port.
    """

    def __init__(self, ports: Mapping[int, GuestPort]) -> None:
        self._ports = ports
        self._next_host_port = 1024
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Accept on a listening, non-blocking socket in the background; it is ours from here on."""
        self._listener = listener
        self._start(self._accept(listener))

    async def aclose(self) -> None:
        """Stop accepting, and close every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._listener is not None:
            self._listener.close()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            self._start(self._connected(sock))

    async def _connected(self, sock: socket.socket) -> None:
        try:
            port = await self._ask(sock)
        except BaseException:
            sock.close()
            raise
        if port is None:
            sock.close()
            return
        await port(sock)

    async def _ask(self, sock: socket.socket) -> GuestPort | None:
        """Read which port is wanted, and say OK; None where there is no such port."""
        loop = asyncio.get_running_loop()
        try:
            said = _CONNECT.match(await loop.sock_recv(sock, _READ_BYTES))
            port = self._ports.get(int(said[1])) if said else None
            if port is not None:
                await loop.sock_sendall(sock, b"OK %d\n" % self._next_host_port)
                self._next_host_port += 1
        except ConnectionError:
            return None  # the client went before it was passed on
        return port
