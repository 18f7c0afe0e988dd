"""CRI-O's way: Kata's shim leaves an empty file ``oom`` in the bundle of a container that ran out.

kata-containers, ``src/runtime/pkg/containerd-shim-v2/wait.go``. CRI-O's bundle of a container is
``<folder>/<container id>/userdata``.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from kata_exporter.clock import Clock
from kata_exporter.model import SANDBOX_ID, OomSeen
from kata_exporter.oom.outcome import OomSource

LOOK_SECONDS = 5.0
"""How often bundles are looked through when nothing happens."""
LOOK_GAP_SECONDS = 0.5
"""How often at most."""

Tell = Callable[[OomSeen], object]


class CrioWatch:
    """Looks for such files again and again, and tells of each once; of one that is touched, again.

    Args:
        bundles: CRI-O's folder.
        clock: for the pauses.
        wanted: gives the ids of the containers to look at.
        tell: takes the events.

    Attributes:
        is_there: whether the folder was there the last time.
    """

    def __init__(
        self,
        bundles: str,
        *,
        clock: Clock,
        wanted: Callable[[], Collection[str]],
        tell: Tell,
    ) -> None:
        self.is_there = False
        self._bundles = bundles
        self._clock = clock
        self._wanted = wanted
        self._tell = tell
        self._told: dict[str, int] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._wake.clear()
            await self._look()
            await self._clock.sleep(LOOK_GAP_SECONDS)
            due = self._clock.monotonic() + LOOK_SECONDS - LOOK_GAP_SECONDS
            timer = self._clock.call_at(due, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                timer.cancel()

    def look_soon(self) -> None:
        """Look again at once: a container has exited, and its bundle may soon be gone."""
        self._wake.set()

    async def _look(self) -> None:
        wanted = self._wanted()
        self.is_there = await asyncio.to_thread(is_there, self._bundles)
        if not self.is_there:
            return
        found = await asyncio.to_thread(lambda: list(find(self._bundles, wanted)))
        before, self._told = self._told, {event.container_id: event.at_ns for event in found}
        for event in found:
            if before.get(event.container_id) != event.at_ns:
                self._tell(event)


def is_there(bundles: str) -> bool:
    """Whether CRI-O's folder of bundles is there."""
    return Path(bundles).is_dir()


def find(bundles: str, container_ids: Iterable[str]) -> Iterator[OomSeen]:
    """Yield an event for each container with such a file; blocks.

    Args:
        bundles: CRI-O's folder.
        container_ids: of the containers to look at; no link is followed below the folder.
    """
    for container_id in container_ids:
        if not SANDBOX_ID.fullmatch(container_id):
            continue
        at_ns = _modified_ns(Path(bundles, container_id), "userdata", "oom")
        if at_ns is not None:
            yield OomSeen(OomSource.CRIO, container_id, "", at_ns)


def _modified_ns(folder: Path, *names: str) -> int | None:
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return None
        path = folder
        for name in names[:-1]:
            path /= name
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return None
        found = os.lstat(path / names[-1])
    except OSError:
        return None  # most containers have none, and bundles come and go
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None
