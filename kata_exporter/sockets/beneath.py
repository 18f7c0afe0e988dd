"""Connecting to a socket whose path nobody vouches for."""

import socket

from kata_exporter.errors import DialError, UntrustedSocket
from kata_exporter.sockets.peer import check_peer
from kata_exporter.sockets.pinned import find_socket
from kata_exporter.sockets.system import problem
from kata_exporter.sockets.unix import connect_pinned


async def connect_beneath(root: str, relative: str, *, uids: frozenset[int]) -> socket.socket:
    """Connect to a unix stream socket below `root`; who isn't trusted gets no byte.

    Args:
        root: the folder to begin at, in an administrator's words.
        relative: the rest of the path; no link on it is followed.
        uids: users that may be behind the socket, beside root and our own.

    Raises:
        DialError: there is none, or nobody listens.
        UntrustedSocket: a part of the path is a link or not what it should be, or the peer is
            somebody else.
    """
    with find_socket(root, relative) as pinned:
        sock = await connect_pinned(pinned)
    try:
        check_peer(sock, uids)
    except UntrustedSocket as error:
        sock.close()
        raise UntrustedSocket(f"{error}: {pinned.name}") from None
    except OSError as error:
        sock.close()
        raise DialError(f"{problem(error)}: {pinned.name}") from error
    return sock
