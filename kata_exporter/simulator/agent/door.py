"""Where the agent of a sandbox is reached: a listening socket, and the fault that stands in it.

On a hybrid vsock socket, as Firecracker and Cloud Hypervisor offer it, a client first says in one
write which port of the guest it wants; it is told OK and a number, and from there on talks to the
guest. What follows the line in the same write is lost.
"""

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kata_exporter.simulator.faults.base import Fault, Serve
from kata_exporter.sockets import bind_unix, connect_unix
from kata_exporter.ttrpc import Acceptor

AGENT_PORT = 1024
"""Where an agent listens in its guest."""

_CONNECT = re.compile(rb"CONNECT ([0-9]{1,10})\n")
_READ_BYTES = 4096
_FIRST_HOST_PORT = 1024


class Door:
    """Lets clients in to an agent.

    Args:
        path: of the socket.
        serve: serves a connection to the agent, honestly.
        fault: gives what stands in the door now.
        hybrid: whether clients have to say CONNECT first.
    """

    def __init__(
        self, path: Path, serve: Serve, fault: Callable[[], Fault], *, hybrid: bool
    ) -> None:
        self._path = path
        self._serve = serve
        self._fault = fault
        self._hybrid = hybrid
        self._next_host_port = _FIRST_HOST_PORT
        self._listener: socket.socket | None = None
        self._last_in_line: socket.socket | None = None
        self._acceptor = Acceptor(self._let_in)

    @property
    def url(self) -> str:
        """The agent's URL through this door."""
        return f"hvsock://{self._path}:{AGENT_PORT}" if self._hybrid else f"unix://{self._path}"

    def open(self) -> None:
        """Bind the socket and accept in the background.

        Raises:
            OSError: the socket can't be bound.
        """
        self._listener = bind_unix(str(self._path))
        self._acceptor.listen(self._listener)

    async def close(self) -> None:
        """Remove the socket and end every connection; a door may be opened again."""
        if self._listener is not None:
            self._listener = None
            self._path.unlink(missing_ok=True)
        self._let_nobody_wait()
        await self._acceptor.aclose()

    async def drop(self) -> None:
        """End every connection, and let new ones in where the fault that stands there does."""
        accepts = self._fault().accepts
        if not accepts:
            self._acceptor.pause()
        await self._acceptor.drop()
        if self._listener is None:
            return
        self._let_nobody_wait()
        if accepts:
            self._listener.listen()
            self._acceptor.resume()
        else:
            self._listener.listen(0)
            with suppress(TimeoutError):  # somebody else was quicker, and the backlog is full
                async with asyncio.timeout(0):
                    self._last_in_line = await connect_unix(str(self._path))

    def _let_nobody_wait(self) -> None:
        if self._last_in_line is not None:
            self._last_in_line.close()
            self._last_in_line = None

    async def _let_in(self, sock: socket.socket) -> None:
        fault = self._fault()
        if not self._hybrid or await self._connect(sock, fault):
            await fault.connected(sock, self._serve)

    async def _connect(self, sock: socket.socket, fault: Fault) -> bool:
        try:
            said = _CONNECT.match(await asyncio.get_running_loop().sock_recv(sock, _READ_BYTES))
            if said is None or int(said[1]) != AGENT_PORT:
                return False
            host_port, self._next_host_port = self._next_host_port, self._next_host_port + 1
            return await fault.preface(sock, b"OK %d\n" % host_port)
        except ConnectionError:
            return False  # the client went before it was passed on
