"""Who stands behind a socket."""

import os
import socket
import struct

from kata_exporter.errors import UntrustedSocket

_UCRED = struct.Struct("iII")
"""The kernel's ``struct ucred``: process, user, group."""
_ROOT = 0


def peer_uid(sock: socket.socket) -> int:
    """Return the user of a connected unix socket's peer, as it was when they connected.

    Raises:
        OSError: as getsockopt does.
    """
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(credentials)[1]
    return uid


def check_peer(sock: socket.socket, uids: frozenset[int]) -> None:
    """Make sure that a connected unix socket's peer is root, our own user, or one of `uids`.

    The peer is who began to listen there, whoever may have taken its place since.

    Raises:
        UntrustedSocket: it is somebody else.
        OSError: as getsockopt does.
    """
    uid = peer_uid(sock)
    if uid not in {_ROOT, os.geteuid(), *uids}:
        raise UntrustedSocket(
            f"peer is user {uid}, neither root nor our own; if it is to be trusted, "
            f"list {uid} in discovery.peer_uids"
        )
