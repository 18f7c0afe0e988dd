"""When each sandbox is asked.

Every sandbox has a phase of its own in the interval, fixed by its id, so that rounds are spread
evenly and rate() sees even steps. The first round comes at once. At most so many run at a time;
who is due waits in line, so the order is fair. Those whose last round ran into its deadline have a
lane of their own, so that silent guests can't keep the others waiting.
"""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kata_exporter.clock import Clock

Work = Callable[[], Awaitable[bool]]
"""Runs one round; returns whether the next belongs in the slow lane."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Work
    task: asyncio.Task[None] = field(init=False)


class Scheduler:
    """Runs a job per key, again and again.

    Args:
        clock: for the times.
        interval_seconds: between two rounds of one key.
        concurrency: rounds at a time.
        slow_concurrency: of which at most so many of the slow lane.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        interval_seconds: float,
        concurrency: int,
        slow_concurrency: int | None = None,
    ) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        slow = max(1, concurrency // 4) if slow_concurrency is None else slow_concurrency
        # Two pools, not one within the other: a full slow lane leaves the usual one whole.
        self._usual = asyncio.Semaphore(max(1, concurrency - slow))
        self._slow = asyncio.Semaphore(slow)
        self._jobs: dict[str, _Job] = {}

    def add(self, key: str, work: Work) -> None:
        """Run `work` at once, and from then on at the key's phase."""
        job = _Job(work)
        job.task = asyncio.get_running_loop().create_task(
            self._repeat(key, work), name=f"collect {key}"
        )
        self._jobs[key] = job

    def remove(self, key: str) -> asyncio.Task[None] | None:
        """Stop a key's rounds, the one under way included; return the task to be awaited."""
        job = self._jobs.pop(key, None)
        if job is None:
            return None
        job.task.cancel()
        return job.task

    async def aclose(self) -> None:
        """Stop all rounds, and return when they have ended."""
        tasks = [task for key in list(self._jobs) if (task := self.remove(key)) is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _repeat(self, key: str, work: Work) -> None:
        slow = False
        while True:
            async with self._slow if slow else self._usual:
                slow = await self._run(key, work)
            await self._clock.sleep(self.next_due(key) - self._clock.monotonic())

    @staticmethod
    async def _run(key: str, work: Work) -> bool:
        try:
            return await work()
        except Exception:
            # A fault of ours in one round: the next may do better, and the other keys go on.
            logger.exception("a round failed", extra={"fields": {"sandbox_id": key}})
            return False

    def next_due(self, key: str) -> float:
        """Return the key's next time after now, on the clock; rounds that were missed are skipped."""
        interval = self._interval_seconds
        phase = zlib.crc32(key.encode()) / 2**32 * interval
        now = self._clock.monotonic()
        return now + interval - (now - phase) % interval
