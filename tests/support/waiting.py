"""Waiting for what another process, or real time, brings about."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from fake_clock import FakeClock

T = TypeVar("T")

_POLL_SECONDS = 0.05

STEP_SECONDS = 0.25
_REAL_STEP_SECONDS = 0.01


def eventually(look: Callable[[], T], *, within: float = 20.0) -> T:
    """Return what `look` returns once that is true in the sense of Python; fail after `within` s."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"nothing came of it within {within} s; last: {found!r}"
        time.sleep(_POLL_SECONDS)
    return found


async def soon(look: Callable[[], T], *, within: float = 20.0) -> T:
    """Do the same while the event loop goes on."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"nothing came of it within {within} s; last: {found!r}"
        await asyncio.sleep(_POLL_SECONDS)
    return found


async def take_step(clock: FakeClock, seconds: float = STEP_SECONDS) -> None:
    """Move a clock on, with real time for answers that come over real sockets."""
    clock.advance(seconds)
    await asyncio.sleep(_REAL_STEP_SECONDS)


async def passes(clock: FakeClock, look: Callable[[], object], *, within: float) -> float:
    """Move a clock on until `look` is true, and return its seconds; fail after `within`."""
    begun = clock.monotonic()
    while not look():
        passed = clock.monotonic() - begun
        assert passed < within, f"nothing came of it within {within} s"
        await take_step(clock)
    return clock.monotonic() - begun
