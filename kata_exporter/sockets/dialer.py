"""Dials of agents' URLs."""

import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from kata_exporter.errors import UrlError, shown
from kata_exporter.sockets.beneath import connect_beneath
from kata_exporter.sockets.hybrid import HANDSHAKE_SECONDS, pass_on
from kata_exporter.sockets.unix import connect_unix
from kata_exporter.sockets.url import AgentUrl, Scheme
from kata_exporter.sockets.vsock import connect_vsock

Connecting = Coroutine[Any, Any, socket.socket]
"""Being awaited, it connects."""

Dial = Callable[[float], Connecting]
"""Connects, and returns the socket ready for ttrpc; takes the deadline."""

VsockConnect = Callable[[int, int], Connecting]
"""Connects to a CID and port; replaced in tests, which never open AF_VSOCK."""


class Dialer:
    """Makes dials: functions that connect to one URL and return the socket, ready for ttrpc.

    Who calls a dial enforces its deadline, by cancelling it; a cancelled dial leaves no socket
    behind. The handshake of hybrid vsock has a deadline of its own besides.

    Args:
        vsock_connect: how AF_VSOCK is dialled.
        handshake_seconds: what that handshake may take.
        peer_uids: users that may be behind a socket that a shim announced, beside root and our own.
    """

    def __init__(
        self,
        vsock_connect: VsockConnect | None = None,
        *,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        peer_uids: frozenset[int] = frozenset(),
    ) -> None:
        self._vsock_connect = vsock_connect or connect_vsock
        self._handshake_seconds = handshake_seconds
        self._peer_uids = peer_uids

    def dial_url(self, text: str) -> Dial:
        """Return the dial of a URL as text, as `dial`.

        Raises:
            UrlError: it can't be read.
        """
        return self.dial(AgentUrl.parse(text))

    def dial(self, url: AgentUrl) -> Dial:
        """Return the dial of a URL that an administrator vouches for.

        The dial raises `DialError` (no connection), `HandshakeError` (hybrid vsock said no),
        `VsockForbidden`, or TimeoutError (hybrid vsock said nothing: a frozen guest).
        """
        return self._dial(url, partial(connect_unix, url.path))

    def dial_announced(self, url: AgentUrl, root: str) -> Dial:
        """Return the dial of a URL that a shim announced.

        A socket is reached below `root`, no link on the way, and its peer is checked before it gets
        a byte. The dial raises as that of `dial`, and `UntrustedSocket`.

        Raises:
            UrlError: it names a socket that isn't below `root`.
        """
        if url.scheme is Scheme.VSOCK:
            return self.dial(url)
        relative = _relative(url, root)
        return self._dial(url, partial(connect_beneath, root, relative, uids=self._peer_uids))

    def _dial(self, url: AgentUrl, connect: Callable[[], Connecting]) -> Dial:
        async def dial(deadline: float) -> socket.socket:
            del deadline  # the caller cancels
            if url.scheme is Scheme.VSOCK:
                return await self._vsock_connect(url.cid, url.port)
            sock = await connect()
            if url.scheme is Scheme.HVSOCK:
                await pass_on(sock, url.path, url.port, timeout_seconds=self._handshake_seconds)
            return sock

        return dial


def _relative(url: AgentUrl, root: str) -> str:
    folder = root.rstrip("/") + "/"
    if not root or not url.path.startswith(folder):
        raise UrlError(f"agent URL {shown(str(url))}: not below {shown(root)}")
    return url.path.removeprefix(folder)
