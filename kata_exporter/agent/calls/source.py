"""A file, folder or symbolic link of the host, read in pieces for its way to a guest.

All of it is blocking: for a thread.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kata_exporter.agent.errors import CopyError
from kata_exporter.errors import ArgumentError

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file; of a link its target, of a folder nothing."""

    offset: int
    data: bytes


class Source:
    """What is copied. Made by `open`; `close` it.

    A file is complete in the guest with its last piece, so that is given only after a look whether
    the file is still what it was.
    """

    def __init__(self, path: Path, found: os.stat_result, file: BinaryIO | None) -> None:
        self._path = path
        self._found = found
        self._file = file
        self._given_bytes = 0
        self._began = False

    @classmethod
    def open(cls, path: Path) -> "Source":
        """Look at a path, which is not followed if it is a link, and open it if it is a file.

        Raises:
            ArgumentError: it is neither file, folder nor link.
            CopyError: it can't be looked at or opened.
        """
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                return cls(path, _checked(path, found), None)
            return cls._open_file(path, found)
        except OSError as error:
            raise CopyError(path, error.strerror or str(error)) from error
        except ValueError as error:
            raise ArgumentError("source", path, str(error)) from error

    @classmethod
    def _open_file(cls, path: Path, found: os.stat_result) -> "Source":
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags), "rb")
        opened = os.fstat(file.fileno())
        if (opened.st_dev, opened.st_ino, opened.st_mode) != (
            found.st_dev,
            found.st_ino,
            found.st_mode,
        ):
            file.close()
            raise CopyError(path, "it was replaced while it was opened")
        return cls(path, opened, file)

    @property
    def mode(self) -> int:
        """Permission bits and type, as st_mode."""
        return self._found.st_mode

    @property
    def uid(self) -> int:
        """Its owner."""
        return self._found.st_uid

    @property
    def gid(self) -> int:
        """Its group."""
        return self._found.st_gid

    @property
    def size_bytes(self) -> int:
        """Size of a file; 0 of anything else."""
        return 0 if self._file is None else self._found.st_size

    def next_piece(self) -> Piece | None:
        """Return the next piece, at least one in all; None after the last.

        Raises:
            CopyError: it can't be read, or isn't what it was.
        """
        offset = self._given_bytes
        if self._began and offset >= self.size_bytes:
            return None
        try:
            data = self._read(min(PIECE_BYTES, self.size_bytes - offset))
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        self._began = True
        self._given_bytes += len(data)
        return Piece(offset, data)

    def close(self) -> None:
        """Close the file; not while another thread reads it."""
        if self._file is not None:
            self._file.close()

    def _read(self, size_bytes: int) -> bytes:
        if self._file is None:
            is_link = stat.S_ISLNK(self.mode)
            return os.fsencode(self._path.readlink()) if is_link else b""
        data = self._file.read(size_bytes)
        now = os.fstat(self._file.fileno())
        if len(data) != size_bytes or _state(now) != _state(self._found):
            raise self._failed("it was changed while it was read")
        if self._found.st_nlink and not now.st_nlink:
            raise self._failed("it was removed while it was read")
        is_last = self._given_bytes + len(data) == self._found.st_size
        if is_last and self._file.read(1):
            # As files of /proc, whose size is 0.
            raise self._failed("it holds more than its size says")
        return data

    def _failed(self, problem: str) -> CopyError:
        return CopyError(
            self._path, problem, sent_bytes=self._given_bytes, size_bytes=self.size_bytes
        )


def _checked(path: Path, found: os.stat_result) -> os.stat_result:
    if not stat.S_ISDIR(found.st_mode) and not stat.S_ISLNK(found.st_mode):
        kind = stat.S_IFMT(found.st_mode)
        raise ArgumentError("source", path, f"is of type {kind:#o}: no file, folder or link")
    return found


def _state(found: os.stat_result) -> tuple[int, ...]:
    """Return what is the same before and after where a file wasn't touched."""
    return (found.st_size, found.st_mtime_ns, found.st_mode, found.st_uid, found.st_gid)
