"""The inotify watches of one directory: on it, and on the folder of each sandbox in it.

Events only say where to look again; what is there, a look tells.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from asyncinotify import Event, Inotify, Mask, Watch

from kata_exporter.discovery.directory.folder import Identity
from kata_exporter.discovery.directory.metrics import ResyncCause

EVENTS_PER_TURN = 256
"""How many events are taken before other tasks have a turn: about 2 ms."""

_MASK = (
    Mask.CREATE
    | Mask.DELETE
    | Mask.MOVED_FROM
    | Mask.MOVED_TO
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
_LOST = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT | Mask.IGNORED
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_DESCRIPTORS = 2
"""What an `Inotify` opens: its own, and a selector's."""


@dataclass(frozen=True, slots=True)
class _FolderWatch:
    identity: Identity
    watch: Watch


class Watches:
    """Watches a directory and folders in it, until it is closed or has lost track.

    Needs a running event loop.

    Args:
        directory: its descriptor, which isn't kept.
        on_changed: is given the name of what has changed in the directory, or in a folder of that
            name; any name, and any number of times.
        on_lost: is told, once, that changes went by unseen: start anew.

    Raises:
        OSError: inotify can't be had, or a limit is reached.
    """

    def __init__(
        self,
        directory: int,
        *,
        on_changed: Callable[[str], None],
        on_lost: Callable[[ResyncCause], None],
    ) -> None:
        self._on_changed = on_changed
        self._on_lost = on_lost
        self._folders: dict[str, _FolderWatch] = {}
        self._names: dict[int, str] = {}
        self._inotify = _open_inotify()
        try:
            self._directory = self._inotify.add_watch(_opened(directory), _MASK)
        except BaseException:
            self._inotify.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.fd, self._readable)
        self._reads = True
        self._more: asyncio.Handle | None = None

    def add(self, name: str, folder: int, identity: Identity) -> None:
        """Watch an open folder under its name, unless it is watched.

        Raises:
            OSError: a limit is reached.
        """
        before = self._folders.get(name)
        if before is not None and before.identity == identity:
            return
        self.remove(name)
        try:
            watch = self._inotify.add_watch(_opened(folder), _MASK)
        except OSError as error:
            if error.errno in _VANISHED:
                return
            raise
        self._folders[name] = _FolderWatch(identity, watch)
        # A folder that was renamed has the same watch.
        self._names[watch.wd] = name

    def remove(self, name: str) -> None:
        """Watch the folder of a name no longer."""
        before = self._folders.pop(name, None)
        if before is None or self._names.get(before.watch.wd) != name:
            return
        del self._names[before.watch.wd]
        with suppress(OSError):  # the kernel has removed it with its folder
            self._inotify.rm_watch(before.watch)

    def close(self) -> None:
        """Watch nothing; may be called again."""
        self._stop_reading()
        self._inotify.close()

    def _stop_reading(self) -> None:
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._inotify.fd)
        if self._more is not None:
            self._more.cancel()
            self._more = None

    def _readable(self) -> None:
        if self._more is None:
            self._read()

    def _read(self) -> None:
        self._more = None
        for _ in range(EVENTS_PER_TURN):
            try:
                event = self._inotify.sync_get()
            except OSError:
                self._lose(ResyncCause.WATCH_LOST)
                return
            if event is None or not self._take(event):
                return
        # The library may hold events that the kernel's descriptor no longer tells of.
        self._more = self._loop.call_soon(self._read)

    def _take(self, event: Event) -> bool:
        """Pass an event on; False: there is no more to be learned from any."""
        if Mask.Q_OVERFLOW in event.mask:
            self._lose(ResyncCause.OVERFLOW)
            return False
        watch = event.watch
        if watch is self._directory:
            if event.mask & _LOST:
                self._lose(ResyncCause.WATCH_LOST)
                return False
            if event.name is not None:
                self._on_changed(str(event.name))
        elif watch is not None:
            self._take_of_folder(watch, event.mask)
        return True

    def _take_of_folder(self, watch: Watch, mask: Mask) -> None:
        name = self._names.get(watch.wd)
        if name is None:
            return  # removed by us
        if Mask.IGNORED in mask:
            del self._names[watch.wd]
            self._folders.pop(name, None)
        self._on_changed(name)

    def _lose(self, cause: ResyncCause) -> None:
        self._stop_reading()
        self._on_lost(cause)


def _open_inotify() -> Inotify:
    # Where it gets its own descriptor and no selector, it loses the former: look first.
    spare: list[int] = []
    try:
        for _ in range(_DESCRIPTORS):
            spare.append(os.open("/", os.O_PATH | os.O_CLOEXEC))  # noqa: PERF401  closed if one fails
    finally:
        for descriptor in spare:
            os.close(descriptor)
    # Its descriptor blocks, whatever the flags; with a time-out of 0 it is asked before it is read.
    return Inotify(sync_timeout=0, cache_size=64)


def _opened(folder: int) -> bytes:
    """Return a path of the folder that is open, wherever its name leads by now."""
    return b"/proc/self/fd/%d/." % folder
