"""Waiting for what another process, or real time, brings about."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05


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
