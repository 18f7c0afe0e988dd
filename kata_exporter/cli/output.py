"""Standard output, and what happens when it can't be written."""

import errno
import os
import sys


class OutputError(Exception):
    """Standard output can't be written."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"standard output: {cause.strerror or cause}")
        self.reader_gone = cause.errno == errno.EPIPE
        """Whoever read it has gone, as ``head`` does once it has seen enough."""


def write(page: bytes) -> None:
    """Write bytes, and push them out.

    Raises:
        OutputError: they can't be written.
    """
    try:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(error) from error


def say(line: str) -> None:
    """Write a line, and push it out, so that it is seen at once in a pipe too.

    Raises:
        OutputError: it can't be written.
    """
    try:
        print(line, flush=True)
    except OSError as error:
        raise OutputError(error) from error


def flush() -> None:
    """Push out what others have printed.

    Raises:
        OutputError: it can't be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def discard() -> None:
    """Send what is still buffered nowhere; Python would complain of it as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def complain(text: str) -> None:
    """Write each line of `text` to standard error, under the program's name."""
    for line in text.splitlines():
        print(f"kata-exporter: {line}", file=sys.stderr)
