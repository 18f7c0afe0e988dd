"""The ledger over a restart of the exporter: one file, written whole or not at all."""

import errno
import logging
import math
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from kata_exporter.clock import Clock
from kata_exporter.metrics import Metric
from kata_exporter.oom.ledger import Ledger
from kata_exporter.oom.state_format import MAX_FILE_BYTES, StateError, dump, parse
from kata_exporter.telemetry.logs import LogLimiter, fields

__all__ = ["SAVE_INTERVAL_SECONDS", "SET_ASIDE", "StateFile", "dump", "load", "write"]

logger = logging.getLogger(__name__)

SET_ASIDE = ".corrupt"
"""What is added to the name of a file that can't be read."""
SAVE_INTERVAL_SECONDS = 5.0
"""How often a ledger is saved at most."""


class StateFile:
    """Saves a ledger as it changes, every `SAVE_INTERVAL_SECONDS` at most.

    Errors are logged, once a minute, and never raised: counting goes on without the file. The
    ledger is the event loop's and a disk may be slow, so that saving has two halves::

        data = state_file.due()
        if data is not None:
            await asyncio.to_thread(state_file.put, data)

    Args:
        path: where to; the folder must be there.
        clock: for the interval, and for the log.
        ledger: what is saved.
    """

    def __init__(self, path: Path, clock: Clock, ledger: Ledger) -> None:
        self._path = path
        self._clock = clock
        self._ledger = ledger
        self._limiter = LogLimiter(clock)
        self._lock = threading.Lock()
        self._written: bytes | None = None
        self._due_at = -math.inf

    def due(self) -> bytes | None:
        """Return what is to be written now, if anything; it is due again after the interval."""
        now = self._clock.monotonic()
        if now < self._due_at:
            return None
        self._due_at = now + SAVE_INTERVAL_SECONDS
        data = dump(self._ledger)
        return None if data == self._written else data

    def put(self, data: bytes) -> None:
        """Write what is due, in any thread; waits for a call before it."""
        # Whoever waited for that one may have been cancelled; its thread goes on all the same.
        with self._lock:
            if data == self._written:
                return
            try:
                write(self._path, data)
            except OSError as error:
                self._failed(error)
            else:
                self._written = data

    def save_if_changed(self) -> None:
        """Do both halves at once, for callers who may block."""
        data = self.due()
        if data is not None:
            self.put(data)

    def close(self) -> None:
        """Save what has changed since, however short ago the last time was; blocks.

        It may be called in a thread once nothing else changes the ledger.
        """
        self.put(dump(self._ledger))

    def _failed(self, error: OSError) -> None:
        passed_over = self._limiter.allow("write")
        if passed_over is None:
            return
        logger.warning(
            "%s can't be written, so a restart would lose OOM counts: %s",
            self._path,
            error.strerror,
            extra=fields(lines_passed_over=passed_over or None),
        )


def write(path: Path, data: bytes) -> None:
    """Write the file anew; a reader sees the old one or the new one, after a power cut as well.

    Raises:
        OSError: it can't be written, or may not outlast a power cut.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o600,
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path, ledger: Ledger, guest_kills: Metric) -> bool:
    """Have the ledger go on from a file; one that is corrupt is set aside, and told of in the log.

    Returns:
        Whether there was one that could be read.
    """
    try:
        data = _read(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.warning("%s can't be read, so OOM counts begin anew: %s", path, error.strerror)
        return False
    try:
        accounts = parse(data, guest_kills)
    except StateError as error:
        _set_aside(path, error)
        return False
    for key, account in accounts:
        ledger.restore(key, account)
    return True


def _read(path: Path) -> bytes:
    """Read the file, and a byte more than is taken; nothing but a regular file, and never wait."""
    # Without O_NONBLOCK, opening a FIFO waits for somebody to write to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)


def _set_aside(path: Path, error: StateError) -> None:
    aside = path.with_name(path.name + SET_ASIDE)
    try:
        path.replace(aside)
    except OSError as problem:
        logger.warning(
            "%s is corrupt (%s), and can't be set aside: %s", path, error, problem.strerror
        )
    else:
        logger.warning(
            "%s is corrupt (%s): set aside as %s; OOM counts begin anew", path, error, aside
        )
