"""Time as this package needs it, so that a test can stand still."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class TimerHandle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call the timer off."""


class Clock(Protocol):
    """A clock that only goes forward, in seconds, and timers on it."""

    def monotonic(self) -> float:
        """Return the time."""

    def call_at(self, when: float, callback: Callable[[], object]) -> TimerHandle:
        """Call `callback` once the time has come."""


async def run_until(clock: Clock, deadline: float, work: Awaitable[T]) -> T:
    """Await `work` to its end, or cancel it at `deadline`.

    Raises:
        TimeoutError: the deadline came first. `work` has ended by then.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  narrows for the type checker: a coroutine has a task
    cancelled_before = task.cancelling()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = clock.call_at(deadline, expire)
    try:
        return await work
    except asyncio.CancelledError:
        # What others asked for goes on upwards; what the deadline asked for ends here.
        if expired and task.uncancel() <= cancelled_before:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
