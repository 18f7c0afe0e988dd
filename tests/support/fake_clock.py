"""A clock that stands still until a test moves it."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """A `kata_exporter.clock.Clock`; timers run inside `advance`, in order of their time."""

    def __init__(self, *, monotonic: float = 1000.0, time: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._time = time
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._monotonic

    def time(self) -> float:
        return self._time

    def call_at(self, when: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.Event()
        timer = self.call_at(self._monotonic + seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    @property
    def pending(self) -> int:
        """How many timers are armed."""
        return sum(1 for _, _, timer in self._timers if timer.callback is not None)

    def advance(self, seconds: float) -> None:
        """Move time forward; timers that come due run at their own time."""
        until = self._monotonic + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            callback, timer.callback = timer.callback, None
            self._set(max(when, self._monotonic))
            callback()
        self._set(until)

    async def run_for(self, seconds: float, *, step: float = 0.1) -> None:
        """Move time forward in steps, letting tasks run between them."""
        end = self._monotonic + seconds
        while self._monotonic < end:
            self.advance(min(step, end - self._monotonic))
            await settle()

    def _set(self, monotonic: float) -> None:
        self._time += monotonic - self._monotonic
        self._monotonic = monotonic


async def settle(turns: int = 20) -> None:
    """Let every task that can run do so; for what needs no time and no other process."""
    for _ in range(turns):
        await asyncio.sleep(0)
