"""When each sandbox is asked.

Every sandbox has a phase of its own in the interval, fixed by its id, so that rounds are spread
evenly and rate() sees even steps. The first round comes at once. At most so many run at a time;
who is due waits in line, so the order is fair. Those whose rounds take long have a lane of their own,
so that guests that hang, or nearly do, can't keep the others waiting.
"""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.collectors.lane import Lane

Work = Callable[[], Awaitable[bool]]
"""Runs one round; returns whether the next belongs in the slow lane."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Work
    task: asyncio.Task[None] = field(init=False)
    alarm: TimerHandle | None = None
    """Set while it waits for its next round."""
    due: asyncio.Event = field(default_factory=asyncio.Event)
    waited_seconds: float = 0.0
    """How long the round that runs had waited for its place."""


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
        self._slow_concurrency = slow_concurrency
        # Two pools, not one within the other: a full slow lane leaves the usual one whole.
        usual, slow = self._places(concurrency)
        self._usual, self._slow = Lane(usual), Lane(slow)
        self._jobs: dict[str, _Job] = {}

    def configure(self, *, interval_seconds: float, concurrency: int) -> None:
        """Have these hold from each key's next round on; what is under way goes on."""
        usual, slow = self._places(concurrency)
        self._usual.resize(usual)
        self._slow.resize(slow)
        if interval_seconds == self._interval_seconds:
            return
        self._interval_seconds = interval_seconds
        for key, job in self._jobs.items():
            if job.alarm is not None:
                job.alarm.cancel()
                self._set_alarm(key, job)

    def add(self, key: str, work: Work) -> None:
        """Run `work` at once, and from then on at the key's phase."""
        job = _Job(work)
        job.task = asyncio.get_running_loop().create_task(
            self._repeat(key, job), name=f"collect {key}"
        )
        self._jobs[key] = job

    def hasten(self, key: str) -> None:
        """Have a key's next round begin now, if it waits for its time; the one after it is as usual."""
        job = self._jobs.get(key)
        if job is not None and job.alarm is not None:
            job.due.set()

    def waited_seconds(self, key: str) -> float:
        """Return how long a key's last round waited for a place; 0 for a key that isn't there."""
        job = self._jobs.get(key)
        return 0.0 if job is None else job.waited_seconds

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

    def _places(self, concurrency: int) -> tuple[int, int]:
        """Return how many places the usual and the slow lane have."""
        slow = self._slow_concurrency
        slow = max(1, concurrency // 4) if slow is None else slow
        return max(1, concurrency - slow), slow

    async def _repeat(self, key: str, job: _Job) -> None:
        slow = False
        while True:
            due = self._clock.monotonic()
            async with self._slow if slow else self._usual:
                job.waited_seconds = self._clock.monotonic() - due
                slow = await self._run(key, job.work)
            await self._next_round(key, job)

    async def _next_round(self, key: str, job: _Job) -> None:
        job.due.clear()
        self._set_alarm(key, job)
        try:
            await job.due.wait()
        finally:
            if job.alarm is not None:
                job.alarm.cancel()
                job.alarm = None

    def _set_alarm(self, key: str, job: _Job) -> None:
        job.alarm = self._clock.call_at(self.next_due(key), job.due.set)

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
