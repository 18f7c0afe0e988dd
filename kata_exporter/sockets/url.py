"""Addresses of agents.

An agent URL names a socket on the host (kata-containers ``docs/design/kata-2-0-metrics.md`` and the
runtime's ``agent-url``):

    unix://PATH          a stream socket that speaks ttrpc
    remote://PATH        the same (peer pods); a trailing ``:port`` is dropped
    mock://PATH          the same (tests of the runtime)
    hvsock://PATH:PORT   hybrid vsock: a VMM's unix socket that is asked to pass us on
    vsock://CID:PORT     AF_VSOCK
"""

import os
import re
from dataclasses import dataclass
from enum import StrEnum

from kata_exporter.errors import UrlError, shown

MAX_URL_CHARACTERS = 4096

_MAX_U32 = (1 << 32) - 1
_TRAILING_PORT = re.compile(r":[0-9]+\Z")


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
            raise UrlError(f"agent URL {shown(text)}: no scheme; write it as SCHEME://...")
        try:
            scheme = Scheme(name)
        except ValueError:
            known = ", ".join(Scheme)
            raise UrlError(
                f"agent URL {shown(text)}: unknown scheme {shown(name)}; known: {known}"
            ) from None
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
        raise UrlError(f"agent URL {shown(text)}: CID {shown(cid)} is no number of 32 bits")
    return AgentUrl(Scheme.VSOCK, cid=int(cid), port=port)


def _split_port(text: str, rest: str) -> tuple[str, int]:
    before, colon, port = rest.rpartition(":")
    if not colon:
        example = f"{text}:1024"
        raise UrlError(
            f"agent URL {shown(text)}: no port; the agent's is 1024, as in {shown(example)}"
        )
    if ":" in before:
        raise UrlError(f"agent URL {shown(text)}: more than one ':' after the scheme")
    if not re.fullmatch(r"[0-9]{1,10}", port, re.ASCII) or not 0 < int(port) <= _MAX_U32:
        raise UrlError(
            f"agent URL {shown(text)}: port {shown(port)} is no number from 1 to {_MAX_U32}"
        )
    return before, int(port)


def _without_port(text: str, rest: str) -> str:
    path = _TRAILING_PORT.sub("", rest)
    if _TRAILING_PORT.search(path):
        raise UrlError(f"agent URL {shown(text)}: more than one ':port' at its end")
    return path


def _checked_path(text: str, path: str) -> str:
    if not path.startswith("/"):
        raise UrlError(f"agent URL {shown(text)}: path {shown(path)} is not absolute")
    if "\0" in path:
        raise UrlError(f"agent URL {shown(text)}: path holds a NUL")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise UrlError(f"agent URL {shown(text)}: path can't be the name of a file") from None
    return path
