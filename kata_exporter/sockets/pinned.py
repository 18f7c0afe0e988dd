"""Sockets in the file system, resolved once: what was checked is what is connected to."""

import os
import stat
from enum import IntEnum
from types import TracebackType
from typing import Self

from kata_exporter.errors import DialError, UntrustedSocket, shown
from kata_exporter.sockets.system import problem


class _Kind(IntEnum):
    """What a part of a path may have to be."""

    FOLDER = stat.S_IFDIR
    SOCKET = stat.S_IFSOCK


class PinnedSocket:
    """A unix socket in the file system, held: whatever becomes of its path, this stays the same one.

    A context manager, whose end lets it go.

    Attributes:
        path: where to connect to it, for as long as it is held; never over what an address holds.
        name: the path that it was found by, for messages.
        stat: what the file system says of it.
    """

    __slots__ = ("_descriptor", "name", "path", "stat")

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self.path = f"/proc/self/fd/{descriptor}"
        self.name = name
        self.stat = os.fstat(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let it go; once."""
        os.close(self._descriptor)


def pin_socket(path: str) -> PinnedSocket:
    """Find a socket by a path that an administrator wrote: it may lead through links.

    Raises:
        DialError: there is none, or what is there is no socket.
    """
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise DialError(f"{problem(error)}: {path}") from error
    pinned = PinnedSocket(found, path)
    if not stat.S_ISSOCK(pinned.stat.st_mode):
        pinned.close()
        raise DialError(f"not a socket: {path}")
    return pinned


def find_socket(root: str, relative: str) -> PinnedSocket:
    """Find a socket below `root` by a path that nobody vouches for: no link on it is followed.

    Args:
        root: the folder to begin at, in an administrator's words: it may lead through links.
        relative: the rest, without ``.``, ``..`` or anything empty between its slashes.

    Raises:
        DialError: there is none.
        UntrustedSocket: `relative` may not be followed, or what is there is no socket.
    """
    name = f"{root}/{relative}"
    *folders, last = _parts(relative, name)
    try:
        held = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                held = _step(held, part)
                _require(held, _Kind.FOLDER, part, name)
            held = _step(held, last)
            _require(held, _Kind.SOCKET, last, name)
            return PinnedSocket(held, name)
        except BaseException:
            os.close(held)
            raise
    except OSError as error:
        raise DialError(f"{problem(error)}: {name}") from error


def _parts(relative: str, name: str) -> list[str]:
    parts = relative.split("/")
    for part in parts:
        if part in {"", ".", ".."} or "\0" in part:
            raise UntrustedSocket(f"path with {shown(part)} in it is not followed: {name}")
    try:
        os.fsencode(relative)
    except UnicodeEncodeError:
        raise UntrustedSocket(f"path that can't be the name of a file: {name}") from None
    return parts


def _step(folder: int, part: str) -> int:
    inner = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    os.close(folder)
    return inner


def _require(held: int, kind: _Kind, part: str, name: str) -> None:
    found = stat.S_IFMT(os.fstat(held).st_mode)
    if found == stat.S_IFLNK:
        raise UntrustedSocket(f"{shown(part)} is a symbolic link, and none is followed: {name}")
    if found != kind:
        raise UntrustedSocket(f"{shown(part)} is no {kind.name.lower()}: {name}")
