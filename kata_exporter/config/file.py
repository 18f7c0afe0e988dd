"""Reading the configuration file: a regular file of UTF-8 text, 4 MiB at most."""

import os
import stat
from pathlib import Path

from kata_exporter.config.problems import shown_path
from kata_exporter.errors import ConfigError

MAX_FILE_BYTES = 4 * 1024 * 1024


def read_file(path: Path) -> str:
    """Return the text of the file at `path`, without a byte order mark.

    Raises:
        ConfigError: it can't be read, is no regular file, is too large, or isn't UTF-8.
    """
    shown = shown_path(path)
    try:
        content = _read_bytes(path, shown)
    except OSError as error:
        problem = error.strerror or str(error)
        raise ConfigError(f"{shown}: can't be read: {problem}: check the path") from error
    except ValueError as error:  # a null byte in the path
        raise ConfigError(f"{shown}: no path: {error}: check it") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{shown}:{line}: not UTF-8 text (byte {error.start}): save the file as UTF-8"
        ) from error


def _read_bytes(path: Path, shown: str) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ConfigError(f"{shown}: not a regular file: name the file itself")
        with open(fd, "rb", closefd=False) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(fd)
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{shown}: larger than 4 MiB, the most that is read: make it smaller")
    return content
