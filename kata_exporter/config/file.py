"""Reading files of the configuration: regular files of UTF-8 text, and a folder of such files.

Who can write them says which sockets the exporter connects to, as root. So each belongs to root or
to the exporter's own user, and nobody else may write it, unless by its group, or where it is mounted
read-only: so are Kubernetes' volumes, whose folders all may write by their mode.
"""

import errno
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kata_exporter.config.problems import shown_path
from kata_exporter.errors import ConfigError

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FILES = 4096
"""How many files a folder may hold."""

_SUFFIXES = (".yaml", ".yml")


def read_file(path: Path, *, at_most: int = MAX_FILE_BYTES, folder: int | None = None) -> str:
    """Return the text of the file at `path`, without a byte order mark.

    Args:
        path: its path.
        at_most: how many bytes it may have.
        folder: the descriptor of the folder that it is in, where that is open already.

    Raises:
        ConfigError: it can't be read, is no regular file, is too large, isn't UTF-8, or others may
            write it.
    """
    shown = shown_path(path)
    with _problems_of(shown):
        content = _read_bytes(path, shown, at_most, folder)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{shown}:{line}: not UTF-8 text (byte {error.start}): save the file as UTF-8"
        ) from error


@contextmanager
def open_folder(path: Path) -> Iterator[int | None]:
    """Give the descriptor of the folder at `path` for as long as the block lasts; None without one.

    Raises:
        ConfigError: it can't be opened, is no folder, or others may write it.
    """
    shown = shown_path(path)
    try:
        with _problems_of(shown):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except ConfigError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        yield None
        return
    try:
        _require_ours(fd, shown)
        yield fd
    finally:
        os.close(fd)


def list_folder(folder: int, path: Path) -> list[Path]:
    """Return the paths of the YAML files of an open folder, by name; hidden ones are passed over.

    Raises:
        ConfigError: it can't be read, or holds too many.
    """
    names: list[str] = []
    with _problems_of(shown_path(path)), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIXES) and not entry.name.startswith("."):
                names.append(entry.name)
            if len(names) > MAX_FILES:
                raise ConfigError(
                    f"{shown_path(path)}: holds more than {MAX_FILES} files, the most that are read:"
                    " write several sandboxes into one"
                )
    return [path / name for name in sorted(names)]


@contextmanager
def _problems_of(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = error.strerror or str(error)
        raise ConfigError(f"{shown}: can't be read: {problem}: {_remedy(error)}") from error
    except ValueError as error:  # a null byte in the path
        raise ConfigError(f"{shown}: no path: {error}: check it") from error


def _remedy(error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"let user {os.geteuid()} read it, and enter the folders that it is in"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return "raise the limit of open files"
    return "check the path"


def _read_bytes(path: Path, shown: str, at_most: int, folder: int | None) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path if folder is None else path.name, flags, dir_fd=folder)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise ConfigError(f"{shown}: not a regular file: name the file itself")
        _require_ours(fd, shown)
        # A folder of files that are too large would else be read again every few seconds.
        if info.st_size > at_most:
            raise ConfigError(_too_large(shown, at_most))
        with open(fd, "rb", closefd=False) as file:
            content = file.read(at_most + 1)
    finally:
        os.close(fd)
    if len(content) > at_most:  # it has grown, or is one of those that tell no size
        raise ConfigError(_too_large(shown, at_most))
    return content


def _require_ours(fd: int, shown: str) -> None:
    """Look at what was opened, symlinks being behind us.

    Raises:
        ConfigError: it belongs to a stranger, or others may write it.
    """
    info, own = os.fstat(fd), os.geteuid()
    if info.st_uid not in {0, own}:
        raise ConfigError(
            f"{shown}: belongs to user {info.st_uid}, and must belong to root or the user that the"
            f" exporter runs as: sudo chown {own or 'root'}: {shlex.quote(shown)}"
        )
    if info.st_mode & stat.S_IWOTH and not os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        raise ConfigError(
            f"{shown}: every user may write it, and so say what the exporter connects to:"
            f" sudo chmod o-w {shlex.quote(shown)}"
        )


def _too_large(shown: str, at_most: int) -> str:
    if at_most == MAX_FILE_BYTES:
        return f"{shown}: larger than 4 MiB, the most that is read: make it smaller"
    return (
        f"{shown}: larger than the {at_most} bytes that are left for it: make the folder's files"
        " smaller"
    )
