"""What the folder of one sandbox shows: when its shim's socket came to be, or why it is none.

A look opens and stats; it follows no symlink below the directory, and touches no socket.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from kata_exporter.discovery.shim import SOCKET_NAME
from kata_exporter.errors import Reason
from kata_exporter.model import SANDBOX_ID, Refusal

_OPEN_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Identity = tuple[int, int]
"""Device and inode of a folder."""

OnFolder = Callable[[int, Identity], None]
"""Is given an open folder, before it is looked into, and which one it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """A sandbox that is there.

    ``birth`` is the evidence of when it came to be. ``refusal`` is set where what should be a folder
    or a socket is something else; that is never touched.
    """

    birth: str
    refusal: Refusal | None = None


def open_directory(path: str) -> int:
    """Open a directory of sandboxes; its own path is the administrator's, symlinks and all.

    Raises:
        FileNotFoundError: there is none, or it was removed and only a mount still holds it.
        OSError: it can't be opened.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if is_removed(os.fstat(directory)):
        os.close(directory)
        raise FileNotFoundError(errno.ENOENT, "removed", path)
    return directory


def is_removed(status: os.stat_result) -> bool:
    """Whether a folder is in no folder any more: nothing can come into it again."""
    return status.st_nlink == 0


def identity_of(status: os.stat_result) -> Identity:
    """Return which folder that is."""
    return status.st_dev, status.st_ino


def ids_in(directory: int) -> frozenset[str]:
    """Return the names in an open directory that a sandbox may have.

    Raises:
        OSError: it can't be listed.
    """
    return frozenset(name for name in os.listdir(directory) if SANDBOX_ID.fullmatch(name))


def look_at(directory: int, sandbox_id: str, on_folder: OnFolder) -> Found | None:
    """Look at one sandbox in an open directory; None: there is none.

    Raises:
        OSError: it can't be told.
    """
    try:
        folder = os.open(sandbox_id, _OPEN_FOLDER, dir_fd=directory)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return _no_folder(directory, sandbox_id)
    try:
        status = os.fstat(folder)
        on_folder(folder, identity_of(status))
        return _socket_in(folder, status)
    finally:
        os.close(folder)


def _no_folder(directory: int, sandbox_id: str) -> Found | None:
    try:
        status = os.stat(sandbox_id, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    # A plain file is somebody's note. A folder has come in its place just now: another look follows.
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return None
    return _refused(status, f"{sandbox_id} is {_kind(status.st_mode)} where a folder should be")


def _socket_in(folder: int, folder_status: os.stat_result) -> Found | None:
    try:
        status = os.stat(SOCKET_NAME, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(status.st_mode):
        return _refused(
            status, f"{SOCKET_NAME} is {_kind(status.st_mode)} where a socket should be"
        )
    device, inode = identity_of(folder_status)
    # Not the folder's ctime: that moves with every file that a runtime makes in it.
    return Found(f"{device}:{inode}:{status.st_ino}:{status.st_mtime_ns}")


def _refused(status: os.stat_result, detail: str) -> Found:
    device, inode = identity_of(status)
    return Found(f"{device}:{inode}", Refusal(Reason.REJECTED, detail))


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symlink",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFREG: "a plain file",
        stat.S_IFDIR: "a folder",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")
