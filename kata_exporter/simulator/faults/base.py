"""What a fault is: three places at which a sandbox can be made to misbehave.

A fault overrides the hooks that it needs; what it leaves alone stays honest.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from kata_exporter.ttrpc import ServerRequest

Serve = Callable[[socket.socket], Awaitable[None]]
"""Serves a connected socket, honestly, until it closes; the socket is its own from then on."""

Handle = Callable[[ServerRequest], Awaitable[bytes]]
"""Answers a request, honestly; raises `StatusError`."""


class Fault:
    """A sandbox that behaves; the base of those that don't.

    ``keeps_connections`` says what becomes of the connections that are open when the fault is
    switched on or off: a fault of the answer leaves them, one of the socket needs new ones.
    ``stops_timers``: the guest doesn't run, so it gives up on nothing either. ``accepts``: whether
    connections to its socket are accepted; otherwise whoever connects has to wait.
    """

    keeps_connections = True
    accepts = True
    stops_timers = False

    async def preface(self, sock: socket.socket, ok: bytes) -> bool:
        """Answer CONNECT on a hybrid vsock socket.

        Args:
            sock: has asked for a port that is there.
            ok: the line that an honest VMM answers.

        Returns:
            Whether the connection is passed on; otherwise it is closed.
        """
        await asyncio.get_running_loop().sock_sendall(sock, ok)
        return True

    async def connected(self, sock: socket.socket, serve: Serve) -> None:
        """Serve a connection to the agent until it closes, and close it."""
        await serve(sock)

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        """Answer a request; may raise `StatusError`."""
        return await handle(request)

    def end(self) -> None:
        """Let go of what waits because of this fault; it has been switched off."""
