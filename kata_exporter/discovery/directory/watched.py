"""One directory of sandboxes: watched by inotify, polled where that can't be had, or not there."""

import errno
import logging
import os
import stat
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.discovery.directory.difference import Difference, difference
from kata_exporter.discovery.directory.folder import (
    Found,
    Identity,
    identity_of,
    ids_in,
    is_removed,
    look_at,
    open_directory,
)
from kata_exporter.discovery.directory.metrics import DirectoryMetrics, ResyncCause
from kata_exporter.discovery.directory.watches import Watches
from kata_exporter.model import SANDBOX_ID
from kata_exporter.telemetry.logs import LogLimiter, fields

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
"""How long events are gathered before a look: a sandbox's start and end are several each."""

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What may be over in a moment; a look that failed for another reason waits for a minute."""

OnDifference = Callable[[str, Difference], None]
"""Is given the directory, and what has changed in it."""


class How(StrEnum):
    """How a directory's changes are noticed."""

    INOTIFY = "inotify"
    POLLING = "polling"
    ABSENT = "absent"


class WatchedDirectory:
    """Knows the sandboxes of one directory.

    It is told of time by `beat`, every half second, and by `rescan`, every minute. Whatever goes
    wrong in a look is logged, and what was known stays until a look succeeds.

    Args:
        path: of the directory, which need not be there.
        clock: for gathering events.
        metrics: of how it is watched.
        limiter: of log lines.
        on_difference: is told of what a look has changed.
    """

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        metrics: DirectoryMetrics,
        limiter: LogLimiter,
        on_difference: OnDifference,
    ) -> None:
        self.path = path
        self._clock = clock
        self._metrics = metrics
        self._limiter = limiter
        self._on_difference = on_difference
        self._found: Mapping[str, Found] = {}
        self._identity: Identity | None = None
        self._watches: Watches | None = None
        self._changed: set[str] = set()
        self._lost: ResyncCause | None = None
        self._gathering: TimerHandle | None = None
        self._is_stale = False
        self._no_inotify: OSError | None = None
        self._said: How | None = None

    @property
    def how(self) -> How:
        """How its changes are noticed now."""
        if self._identity is None:
            return How.ABSENT
        return How.POLLING if self._watches is None else How.INOTIFY

    @property
    def is_present(self) -> bool:
        """Whether it is there, be it that it can't be looked into."""
        return self.how is not How.ABSENT or (self._is_stale and _may_be_there(self.path))

    def start(self) -> None:
        """Look at once, and from then on as there is reason to."""
        self._renew(None)

    def beat(self) -> None:
        """See whether the directory is still the same; without inotify, look."""
        try:
            identity = _identity(self.path)
        except OSError as error:
            self._complain(error)
            return
        if identity != self._identity:
            appeared = self._identity is None
            self._renew(ResyncCause.APPEARED if appeared else ResyncCause.WATCH_LOST)
        elif identity is not None and (self._is_stale or self._watches is None):
            self._look_through()

    def rescan(self) -> None:
        """Look at all of it, and try inotify again where it couldn't be had."""
        match self.how:
            case How.INOTIFY:
                if self._look_through():
                    self._metrics.count_resync(ResyncCause.PERIODIC)
            case How.POLLING:
                self._renew(ResyncCause.PERIODIC)
            case How.ABSENT:
                pass  # the next beat sees when it comes

    def close(self) -> None:
        """Watch no longer; may be called again."""
        self._unwatch()
        self._metrics.forget(self.path)

    def _renew(self, cause: ResyncCause | None) -> None:
        """Watch the directory that is there now, from nothing, and look at all of it."""
        self._unwatch()
        try:
            directory = open_directory(self.path)
        except (FileNotFoundError, NotADirectoryError):
            directory = None
        except OSError as error:
            self._complain(error)
            self._is_stale = True
            self._no_inotify = error
            self._report()
            return
        if directory is None:
            self._identity = None
            self._is_stale = False
            self._settle(dict.fromkeys(self._found))
        else:
            try:
                self._identity = identity_of(os.fstat(directory))
                # Before the look, so that what changes after it is told.
                self._watch(directory)
                self._look_at_all(directory)
            finally:
                os.close(directory)
        if cause is not None:
            self._metrics.count_resync(cause)
        self._report()

    def _watch(self, directory: int) -> None:
        try:
            self._watches = Watches(directory, on_changed=self._on_changed, on_lost=self._on_lost)
        except OSError as error:
            self._no_inotify = error

    def _unwatch(self) -> None:
        self._changed.clear()
        self._lost = None
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if self._watches is not None:
            self._watches.close()
            self._watches = None

    def _on_changed(self, name: str) -> None:
        if SANDBOX_ID.fullmatch(name):
            self._changed.add(name)
            self._gather()

    def _on_lost(self, cause: ResyncCause) -> None:
        self._lost = cause
        self._gather()

    def _gather(self) -> None:
        if self._gathering is None:
            due = self._clock.monotonic() + GATHER_SECONDS
            self._gathering = self._clock.call_at(due, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        if self._lost is not None:
            self._renew(self._lost)
            return
        changed, self._changed = frozenset(self._changed), set()
        self._look_through(changed)

    def _look_through(self, names: frozenset[str] | None = None) -> bool:
        """Look at some sandboxes, or at all that are there; return whether it could be done.

        Where the directory is another by now, or none, that is left to the next beat.
        """
        try:
            directory = open_directory(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self._complain(error)
            self._is_stale = True
            return False
        try:
            if identity_of(os.fstat(directory)) != self._identity:
                return False
            self._look_at_all(directory) if names is None else self._look_at(directory, names)
        finally:
            os.close(directory)
        self._report()
        return True

    def _look_at_all(self, directory: int) -> None:
        try:
            there = ids_in(directory)
        except OSError as error:
            self._complain(error)
            self._is_stale = True
            return
        self._is_stale = False
        self._look_at(directory, there | self._found.keys())

    def _look_at(self, directory: int, names: frozenset[str]) -> None:
        looked: dict[str, Found | None] = {}
        for name in names:
            try:
                looked[name] = self._look_at_one(directory, name)
            except OSError as error:
                self._complain(error)
                self._is_stale |= error.errno in _SHORTAGES
        self._settle(looked)

    def _look_at_one(self, directory: int, name: str) -> Found | None:
        is_folder = False

        def watch(folder: int, identity: Identity) -> None:
            nonlocal is_folder
            is_folder = True
            self._watch_folder(name, folder, identity)

        found = look_at(directory, name, watch)
        if not is_folder and self._watches is not None:
            self._watches.remove(name)
        return found

    def _watch_folder(self, name: str, folder: int, identity: Identity) -> None:
        if self._watches is None:
            return
        try:
            self._watches.add(name, folder, identity)
        except OSError as error:
            # Half a watch would be deaf to the other half.
            self._no_inotify = error
            self._unwatch()

    def _settle(self, looked: Mapping[str, Found | None]) -> None:
        change = difference(self._found, looked)
        self._found = change.found
        if change.gone or change.new:
            self._on_difference(self.path, change)

    def _report(self) -> None:
        how = self.how
        self._metrics.set_present(self.path, present=self.is_present)
        self._metrics.set_inotify(self.path, inotify=how is How.INOTIFY)
        said, self._said = self._said, how
        if how is said or (said is None and how is not How.POLLING):
            return  # who starts it says how it is watched, of all directories at once
        if self._limiter.allow((self.path, how)) is None:
            return
        match how:
            case How.INOTIFY:
                logger.info(
                    "watching for sandboxes",
                    extra=fields(directory=self.path, sandboxes=len(self._found)),
                )
            case How.POLLING:
                logger.warning(
                    "inotify is not to be had: looking for sandboxes twice a second; the limits are"
                    " fs.inotify.max_user_instances, fs.inotify.max_user_watches and open files",
                    extra=fields(directory=self.path, error=str(self._no_inotify)),
                )
            case How.ABSENT if _is_held_by_a_mount(self.path):
                logger.warning(
                    "a directory of sandboxes was removed, and its mount here doesn't follow where it"
                    " is made again: restart this container, and mount the folder above it",
                    extra=fields(directory=self.path),
                )
            case How.ABSENT:
                logger.info(
                    "a directory of sandboxes has gone: looking for it twice a second",
                    extra=fields(directory=self.path),
                )

    def _complain(self, error: OSError) -> None:
        passed_over = self._limiter.allow((self.path, "look"))
        if passed_over is not None:
            logger.warning(
                "can't look for sandboxes; what was known stays",
                extra=fields(
                    directory=self.path,
                    file=error.filename,
                    error=error.strerror,
                    lines_passed_over=passed_over or None,
                ),
            )


def _identity(path: str) -> Identity | None:
    """Return which directory is there, or None where there is none.

    Raises:
        OSError: it can't be told.
    """
    try:
        status = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    is_there = stat.S_ISDIR(status.st_mode) and not is_removed(status)
    return identity_of(status) if is_there else None


def _is_held_by_a_mount(path: str) -> bool:
    try:
        return is_removed(Path(path).stat())
    except OSError:
        return False


def _may_be_there(path: str) -> bool:
    try:
        return _identity(path) is not None
    except OSError:
        return True
