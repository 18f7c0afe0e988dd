"""Injectable time: every wait, deadline and age in the package goes through a `Clock`."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class TimerHandle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call the timer off; a timer that has run, or was called off, is left alone."""


class Clock(Protocol):
    """The time of day, a clock that only goes forward, and timers on it."""

    def monotonic(self) -> float:
        """Return seconds on a clock that only goes forward; deadlines and ages are on it."""

    def time(self) -> float:
        """Return seconds since 1970; for display and timestamps only, never for a wait."""

    def call_at(self, when: float, callback: Callable[[], object]) -> TimerHandle:
        """Call `callback` once `monotonic` has reached `when`."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once when not positive, but never without a yield."""


class SystemClock:
    """The machine's clock, on the running event loop."""

    def monotonic(self) -> float:
        """Return `time.monotonic`."""
        return time.monotonic()

    def time(self) -> float:
        """Return `time.time`."""
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> TimerHandle:
        """Arm a timer on the running event loop."""
        # call_later, since a loop's own time need not be time.monotonic (uvloop's isn't).
        return asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), callback)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(max(0.0, seconds))
