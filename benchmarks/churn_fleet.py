"""A process that is a node on which sandboxes come and go: agents, shims of both runtimes, folders.

Times are of ``CLOCK_MONOTONIC``, which all processes of a machine share.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.control import Answer, answer_commands
from kata_exporter.simulator import Fleet


class ChurnFleet:
    """A simulated fleet whose oldest sandboxes make room for new ones."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._running = AsyncExitStack()

    async def start(self, folder: str, sandboxes: int) -> Answer:
        """Run a fleet below a folder."""
        self._fleet = Fleet(Path(folder), sandboxes=sandboxes)
        self._running.push_async_callback(self._fleet.stop)
        await self._fleet.start()
        return {}

    async def churn(self, per_second: int, seconds: float) -> Answer:
        """Make so many sandboxes a second, and end as many, the oldest first.

        Returns:
            ``made`` and ``ended``: when, by id, just before its first or last file was touched.
            A machine that is too slow for the pace makes fewer.
        """
        made: dict[str, float] = {}
        ended: dict[str, float] = {}
        begin = time.monotonic()
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(begin + number / per_second - time.monotonic())
            if time.monotonic() > begin + seconds:
                break
            at = time.monotonic()
            made[(await self._started.add()).id] = at
            oldest = self._started.sandboxes[0]
            ended[oldest.id] = time.monotonic()
            await self._started.remove(oldest)
        return {"made": made, "ended": ended}

    async def there(self) -> Answer:
        """Return the ids of all that is there."""
        return {"ids": [sandbox.id for sandbox in self._started.sandboxes]}

    async def aclose(self) -> None:
        """End all."""
        await self._running.aclose()

    @property
    def _started(self) -> Fleet:
        if self._fleet is None:
            raise RuntimeError("no fleet was started")
        return self._fleet


async def main() -> None:
    """Run until standard input ends."""
    subject = ChurnFleet()
    try:
        await answer_commands(
            {"start": subject.start, "churn": subject.churn, "there": subject.there}
        )
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
