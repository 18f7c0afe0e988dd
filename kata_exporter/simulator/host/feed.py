"""Events to whoever follows: each follower gets every one of them, in order, at its own pace."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from kata_exporter.clock import Clock

T = TypeVar("T")


class Feed(Generic[T]):
    """Hands events on to those who follow.

    Args:
        clock: time for what is held.
        hold_seconds: how long an event that nobody follows is kept for the first who does; 0: it
            is lost.
    """

    def __init__(self, clock: Clock, *, hold_seconds: float = 0.0) -> None:
        self._clock = clock
        self._hold_seconds = hold_seconds
        self._held: deque[tuple[float, T]] = deque()
        self._queues: set[asyncio.Queue[T | None]] = set()

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._queues)

    def publish(self, event: T) -> None:
        """Hand an event on."""
        for queue in self._queues:
            queue.put_nowait(event)
        if not self._queues and self._hold_seconds > 0:
            self._drop_expired()
            self._held.append((self._clock.monotonic() + self._hold_seconds, event))

    async def follow(self) -> AsyncIterator[T]:
        """Yield the events from now on, after those that are held; ends with `end`."""
        queue: asyncio.Queue[T | None] = asyncio.Queue()
        self._drop_expired()
        for _, event in self._held:
            queue.put_nowait(event)
        self._held.clear()
        self._queues.add(queue)
        try:
            while (following := await queue.get()) is not None:
                yield following
        finally:
            self._queues.discard(queue)

    def _drop_expired(self) -> None:
        now = self._clock.monotonic()
        while self._held and self._held[0][0] <= now:
            self._held.popleft()

    def end(self) -> None:
        """Let each follower come to an end, once it has had what was published before."""
        for queue in self._queues:
            queue.put_nowait(None)
