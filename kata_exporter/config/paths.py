"""Paths in the configuration."""

import os
from posixpath import normpath

from kata_exporter.config.words import quoted
from kata_exporter.sockets import SUN_PATH_BYTES

MAX_PATH_LENGTH = 4096

AUTO, NONE = "auto", "none"
"""The words that stand for the usual sockets, and for no socket."""


def parse_path(text: str) -> str:
    """Return a path without what means nothing in it.

    Raises:
        ValueError: it is empty, too long, or has characters that can't be shown on one line.
    """
    if not text or not text.isprintable():
        raise ValueError(f"{quoted(text)} is no path of printable characters")
    if len(text) > MAX_PATH_LENGTH:
        raise ValueError(f"{quoted(text)} is longer than {MAX_PATH_LENGTH} characters")
    return normpath(text)


def parse_absolute_path(text: str) -> str:
    """Return an absolute path without what means nothing in it.

    Raises:
        ValueError: it is none, or steps back (``..``), which could lead elsewhere than it seems.
    """
    path = parse_path(text)
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{quoted(text)} is no absolute path without '..': write it out from /")
    return "/" + path.lstrip("/")


def parse_socket_path(text: str) -> str:
    """Return the absolute path of a unix socket; empty for the word ``none``.

    Raises:
        ValueError: it isn't one, or is longer than what a socket's address has room for.
    """
    if text == NONE:
        return ""
    path = parse_absolute_path(text)
    # We know a way around it; clients such as curl know none.
    if len(os.fsencode(path)) > SUN_PATH_BYTES:
        raise ValueError(
            f"{quoted(text)} has more than {SUN_PATH_BYTES} bytes, all that the address of"
            " a unix socket has room for"
        )
    return path


def parse_endpoint(text: str) -> str:
    """Return ``auto``, ``none``, or ``unix:///PATH``, which may be written as a path alone.

    Raises:
        ValueError: it is none of these, or the path of no socket.
    """
    if text in {AUTO, NONE}:
        return text
    path = text.removeprefix("unix://").removeprefix("unix:")
    if not path.startswith("/"):
        raise ValueError(
            f"{quoted(text)} is no endpoint: write {AUTO}, {NONE}, or the path of a unix socket as"
            " unix:///run/containerd/containerd.sock"
        )
    return f"unix://{parse_socket_path(path)}"
