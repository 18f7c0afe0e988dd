"""The floor of discovery: a process that only notes when a shim's socket comes and its folder goes.

One inotify watch for each folder of sandboxes and one for each sandbox, and a clock.
"""

import asyncio
import time
from pathlib import Path

from asyncinotify import Inotify, Mask

from benchmarks.control import Answer, answer_commands

SOCKET_NAME = "shim-monitor.sock"


class FloorWatch:
    """Watches the folders of sandboxes of a node."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self, folders: list[str]) -> Answer:
        """Watch; sandboxes that are there already aren't of interest."""
        inotify = Inotify()
        for folder in folders:
            inotify.add_watch(folder, Mask.CREATE | Mask.DELETE)
        self._task = asyncio.create_task(self._watch(inotify, {Path(f) for f in folders}))
        return {}

    async def noted(self) -> Answer:
        """Return when each sandbox was ``seen`` and ``gone``, by id."""
        return {"seen": self._seen, "gone": self._gone}

    async def aclose(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self, inotify: Inotify, folders: set[Path]) -> None:
        with inotify:
            async for event in inotify:
                if event.path is None or event.watch is None:
                    continue
                if event.path.name == SOCKET_NAME:
                    self._seen[event.path.parent.name] = time.monotonic()
                elif event.path.parent in folders:
                    if event.mask & Mask.DELETE:
                        self._gone[event.path.name] = time.monotonic()
                    else:
                        self._watch_sandbox(inotify, event.path)

    def _watch_sandbox(self, inotify: Inotify, folder: Path) -> None:
        try:
            inotify.add_watch(folder, Mask.CREATE)
        except OSError:
            return  # it has gone already
        if (folder / SOCKET_NAME).exists():  # made before the watch was
            self._seen.setdefault(folder.name, time.monotonic())


async def main() -> None:
    """Watch until standard input ends."""
    subject = FloorWatch()
    try:
        await answer_commands({"start": subject.start, "noted": subject.noted})
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
