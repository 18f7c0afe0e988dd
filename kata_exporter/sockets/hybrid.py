"""The handshake of hybrid vsock: a VMM's unix socket is asked to pass us on to a port of its guest."""

import asyncio
import re
import socket

from kata_exporter.errors import HandshakeError
from kata_exporter.sockets.system import problem

HANDSHAKE_SECONDS = 10.0
"""How long a hybrid vsock socket may take to say OK, whatever the deadline; as Kata's own client."""

_PREFACE_ANSWER = re.compile(rb"OK [0-9]{1,10}\n")
_MAX_PREFACE_BYTES = 64


async def pass_on(sock: socket.socket, path: str, port: int, *, timeout_seconds: float) -> None:
    """Ask the VMM behind `sock` to pass us on to a port of its guest; on any failure it is closed.

    Args:
        sock: connected and non-blocking.
        path: its name, for messages.
        port: of the guest.
        timeout_seconds: what all of it may take.

    Raises:
        HandshakeError: it said no, or hung up.
        TimeoutError: it said nothing: a frozen guest.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            await _ask_for_port(sock, path, port)
    except BaseException:
        sock.close()
        raise


async def _ask_for_port(sock: socket.socket, path: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    line = bytearray()
    try:
        # In one write: byte by byte it is refused. Nothing may follow it before OK was read.
        await loop.sock_sendall(sock, b"CONNECT %d\n" % port)
        while not line.endswith(b"\n") and len(line) < _MAX_PREFACE_BYTES:
            # One byte at a time, so that no byte of ttrpc is read here.
            byte = await loop.sock_recv(sock, 1)
            if not byte:
                raise HandshakeError(f"closed before it said OK, is the guest up?: {path}")
            line += byte
    except OSError as error:
        raise HandshakeError(
            f"{problem(error)} before it said OK, is the guest up?: {path}"
        ) from error
    if not _PREFACE_ANSWER.fullmatch(line):
        raise HandshakeError(f"said {bytes(line)!r} where OK and a number should be: {path}")
