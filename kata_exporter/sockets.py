"""Addresses of agents, and connecting to them.

An agent URL names a socket on the host (kata-containers ``docs/design/kata-2-0-metrics.md`` and the
runtime's ``agent-url``):

    unix://PATH          a stream socket that speaks ttrpc
    remote://PATH        the same (peer pods); a trailing ``:port`` is dropped
    mock://PATH          the same (tests of the runtime)
    hvsock://PATH:PORT   hybrid vsock: a VMM's unix socket that is asked to pass us on
    vsock://CID:PORT     AF_VSOCK

`Dialer` turns a URL into a dial that `ttrpc.Client` takes. Nothing of ours but `errors` is imported.
"""

import asyncio
import errno
import os
import re
import socket
import stat
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kata_exporter.errors import DialError, HandshakeError, UrlError, VsockForbidden

MAX_URL_CHARACTERS = 4096

HANDSHAKE_SECONDS = 10.0
"""How long a hybrid vsock socket may take to say OK, whatever the deadline; as Kata's own client."""

_MAX_U32 = (1 << 32) - 1
SUN_PATH_BYTES = 107
"""How long the path of a unix socket may be."""
_PREFACE_ANSWER = re.compile(rb"OK [0-9]{1,10}\n")
_MAX_PREFACE_BYTES = 64
_TRAILING_PORT = re.compile(r":[0-9]+\Z")
_BUSY_SECONDS = 0.02
_NO_VSOCK = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
)


class Scheme(StrEnum):
    """Kinds of address."""

    UNIX = "unix"
    REMOTE = "remote"
    MOCK = "mock"
    HVSOCK = "hvsock"
    VSOCK = "vsock"


@dataclass(frozen=True, slots=True)
class AgentUrl:
    """An agent's address; ``path`` is empty for vsock, ``cid`` and ``port`` are 0 where unused."""

    scheme: Scheme
    path: str = ""
    cid: int = 0
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "AgentUrl":
        """Read a URL.

        Raises:
            UrlError: says which part is wrong, and what it should be.
        """
        if len(text) > MAX_URL_CHARACTERS:
            raise UrlError(f"agent URL is longer than {MAX_URL_CHARACTERS} characters")
        name, separator, rest = text.partition("://")
        if not separator:
            raise UrlError(f"agent URL {text!r}: no scheme; write it as SCHEME://...")
        try:
            scheme = Scheme(name)
        except ValueError:
            known = ", ".join(Scheme)
            raise UrlError(f"agent URL {text!r}: unknown scheme {name!r}; known: {known}") from None
        match scheme:
            case Scheme.VSOCK:
                return _parse_vsock(text, rest)
            case Scheme.HVSOCK:
                path, port = _split_port(text, rest)
                return cls(scheme, _checked_path(text, path), port=port)
            case Scheme.REMOTE:
                return cls(scheme, _checked_path(text, _without_port(text, rest)))
            case Scheme.UNIX | Scheme.MOCK:
                return cls(scheme, _checked_path(text, rest))

    @property
    def address(self) -> str:
        """What a span names as the server: the socket's path, or the CID."""
        return self.path or str(self.cid)

    def __str__(self) -> str:
        if self.scheme is Scheme.VSOCK:
            return f"vsock://{self.cid}:{self.port}"
        port = f":{self.port}" if self.scheme is Scheme.HVSOCK else ""
        return f"{self.scheme}://{self.path}{port}"


def _parse_vsock(text: str, rest: str) -> AgentUrl:
    cid, port = _split_port(text, rest)
    if not re.fullmatch(r"[0-9]{1,10}", cid, re.ASCII) or int(cid) > _MAX_U32:
        raise UrlError(f"agent URL {text!r}: CID {cid!r} is no number of 32 bits")
    return AgentUrl(Scheme.VSOCK, cid=int(cid), port=port)


def _split_port(text: str, rest: str) -> tuple[str, int]:
    before, colon, port = rest.rpartition(":")
    if not colon:
        example = f"{text}:1024"
        raise UrlError(f"agent URL {text!r}: no port; the agent's is 1024, as in {example!r}")
    if ":" in before:
        raise UrlError(f"agent URL {text!r}: more than one ':' after the scheme")
    if not re.fullmatch(r"[0-9]{1,10}", port, re.ASCII) or not 0 < int(port) <= _MAX_U32:
        raise UrlError(f"agent URL {text!r}: port {port!r} is no number from 1 to {_MAX_U32}")
    return before, int(port)


def _without_port(text: str, rest: str) -> str:
    path = _TRAILING_PORT.sub("", rest)
    if _TRAILING_PORT.search(path):
        raise UrlError(f"agent URL {text!r}: more than one ':port' at its end")
    return path


def _checked_path(text: str, path: str) -> str:
    if not path.startswith("/"):
        raise UrlError(f"agent URL {text!r}: path {path!r} is not absolute")
    if "\0" in path:
        raise UrlError(f"agent URL {text!r}: path holds a NUL")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise UrlError(f"agent URL {text!r}: path can't be the name of a file") from None
    return path


VsockConnect = Callable[[int, int], Coroutine[Any, Any, socket.socket]]
"""Connects to a CID and port; replaced in tests, which never open AF_VSOCK."""


class Dialer:
    """Makes dials: functions that connect to one URL and return the socket, ready for ttrpc.

    Who calls a dial enforces its deadline, by cancelling it; a cancelled dial leaves no socket
    behind. The handshake of hybrid vsock has a deadline of its own besides.

    Args:
        vsock_connect: how AF_VSOCK is dialled.
        handshake_seconds: what that handshake may take.
    """

    def __init__(
        self,
        vsock_connect: VsockConnect | None = None,
        *,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._vsock_connect = vsock_connect or connect_vsock
        self._handshake_seconds = handshake_seconds

    def dial_url(self, text: str) -> Callable[[float], Coroutine[Any, Any, socket.socket]]:
        """Return the dial of a URL as text, as `dial`.

        Raises:
            UrlError: it can't be read.
        """
        return self.dial(AgentUrl.parse(text))

    def dial(self, url: AgentUrl) -> Callable[[float], Coroutine[Any, Any, socket.socket]]:
        """Return the dial of a URL.

        The dial raises `DialError` (no connection), `HandshakeError` (hybrid vsock said no),
        `VsockForbidden`, or TimeoutError (hybrid vsock said nothing: a frozen guest).
        """

        async def dial(deadline: float) -> socket.socket:
            del deadline  # the caller cancels
            match url.scheme:
                case Scheme.VSOCK:
                    return await self._vsock_connect(url.cid, url.port)
                case Scheme.HVSOCK:
                    return await _connect_hybrid(url.path, url.port, self._handshake_seconds)
                case _:
                    return await connect_unix(url.path)

        return dial


async def connect_unix(path: str) -> socket.socket:
    """Connect to a unix stream socket, however long its path.

    The path is resolved once: what was checked to be a socket is what is connected to.

    Raises:
        DialError: there is none, it is no socket, or nobody listens.
    """
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise DialError(f"{_text(error)}: {path}") from error
    try:
        if not stat.S_ISSOCK(os.fstat(found).st_mode):
            raise DialError(f"not a socket: {path}")
        return await _connect_stream(f"/proc/self/fd/{found}")
    except OSError as error:
        raise DialError(f"{_text(error)}: {path}") from error
    finally:
        os.close(found)


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


async def _connect_hybrid(path: str, port: int, handshake_seconds: float) -> socket.socket:
    sock = await connect_unix(path)
    try:
        async with asyncio.timeout(handshake_seconds):
            await _ask_for_port(sock, path, port)
    except BaseException:
        sock.close()
        raise
    return sock


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
            f"{_text(error)} before it said OK, is the guest up?: {path}"
        ) from error
    if not _PREFACE_ANSWER.fullmatch(line):
        raise HandshakeError(f"said {bytes(line)!r} where OK and a number should be: {path}")


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
            raise DialError(f"{_text(error)}: vsock {cid}:{port}") from error
        raise VsockForbidden(
            f"AF_VSOCK is not to be had ({_text(error)}); allow it in the seccomp profile"
        ) from error
    try:
        await asyncio.get_running_loop().sock_connect(sock, (cid, port))
    except OSError as error:
        sock.close()
        kind = VsockForbidden if error.errno in {errno.EPERM, errno.EACCES} else DialError
        raise kind(f"{_text(error)}: vsock {cid}:{port}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def bind_unix(path: str, *, backlog: int = 128) -> socket.socket:
    """Return a listening, non-blocking unix socket bound to `path`, however long it is.

    Raises:
        OSError: as bind does; the path must not exist, and its last part must not be over about
            90 bytes where the whole is over 107.
    """
    directory, name = os.path.split(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
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


def _text(error: OSError) -> str:
    return error.strerror or str(error)
