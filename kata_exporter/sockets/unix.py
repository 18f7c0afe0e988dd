"""Unix sockets with paths of any length: connecting to one that is pinned, and binding one."""

import asyncio
import os
import socket

from kata_exporter.errors import DialError
from kata_exporter.sockets.pinned import PinnedSocket, pin_socket
from kata_exporter.sockets.system import problem

SUN_PATH_BYTES = 107
"""How long the path of a unix socket may be."""

_BUSY_SECONDS = 0.02


async def connect_unix(path: str) -> socket.socket:
    """Connect to a unix stream socket, however long its path, which may lead through links.

    The path is resolved once: what was checked to be a socket is what is connected to.

    Raises:
        DialError: there is none, it is no socket, or nobody listens.
    """
    with pin_socket(path) as pinned:
        return await connect_pinned(pinned)


async def connect_pinned(pinned: PinnedSocket) -> socket.socket:
    """Connect to a unix stream socket that was found; as long as it is busy, wait.

    Raises:
        DialError: nobody listens.
    """
    try:
        return await _connect_stream(pinned.path)
    except OSError as error:
        raise DialError(f"{problem(error)}: {pinned.name}") from error


async def _connect_stream(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        while True:
            try:
                sock.connect(address)
            except BlockingIOError:
                # A full backlog: connecting to a unix socket is never "in progress".
                await asyncio.sleep(_BUSY_SECONDS)
            else:
                return sock
    except BaseException:
        sock.close()
        raise


def bind_unix(path: str, *, backlog: int = 128, mode: int | None = None) -> socket.socket:
    """Return a listening, non-blocking unix socket bound to `path`, however long it is.

    With `mode` its file has these rights from the start, less those that the umask takes.

    Raises:
        OSError: as bind does; the path must not exist, and its last part must not be over about
            90 bytes where the whole is over 107.
    """
    directory, name = os.path.split(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if mode is not None:
            # Linux gives the file the rights of the socket: there is no moment with wider ones.
            os.fchmod(sock.fileno(), mode)
        if len(os.fsencode(path)) <= SUN_PATH_BYTES:
            sock.bind(path)
        else:
            parent = os.open(directory or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sock.bind(f"/proc/self/fd/{parent}/{name}")
            finally:
                os.close(parent)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock
