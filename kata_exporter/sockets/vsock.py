"""Connecting to a guest over AF_VSOCK."""

import asyncio
import errno
import socket

from kata_exporter.errors import DialError, VsockForbidden
from kata_exporter.sockets.system import problem

_NO_VSOCK = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
)


async def connect_vsock(cid: int, port: int) -> socket.socket:
    """Connect to a guest over AF_VSOCK.

    Raises:
        VsockForbidden: the kernel has no AF_VSOCK, or a seccomp profile or the kernel denies it.
        DialError: no guest there, or nobody listens.
    """
    try:
        sock = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        if error.errno not in _NO_VSOCK:
            raise DialError(f"{problem(error)}: vsock {cid}:{port}") from error
        raise VsockForbidden(
            f"AF_VSOCK is not to be had ({problem(error)}); allow it in the seccomp profile"
        ) from error
    try:
        await asyncio.get_running_loop().sock_connect(sock, (cid, port))
    except OSError as error:
        sock.close()
        kind = VsockForbidden if error.errno in {errno.EPERM, errno.EACCES} else DialError
        raise kind(f"{problem(error)}: vsock {cid}:{port}") from error
    except BaseException:
        sock.close()
        raise
    return sock
