"""The agent's queue of OOM events, and the line of those that wait for them.

Each event goes to one waiter: the one that has waited longest. A shim that is always waiting is
one of them; it goes back to the end of the line with each event that it gets. So another waiter
gets every second event, and each of those is one that the shim never learns of.
"""

import asyncio
from collections import deque
from collections.abc import Callable

CAPACITY = 100
"""Events that the agent holds. At the next, the watcher of that container waits with it in hand;
watchers are served in the order they came, so nothing is dropped and the order stays."""

Shim = Callable[[str], object]
"""Is given the id of a container each time it gets an event."""


class QueueEnded(Exception):
    """There will be no more events: the sandbox was destroyed."""


class OomQueue:
    """Events of one guest, from its boot on.

    Args:
        shim: one that always waits, the first in line.
    """

    def __init__(self, shim: Shim | None = None) -> None:
        self._events: deque[str] = deque()
        self._line: deque[asyncio.Future[str] | Shim] = deque([shim] if shim else [])
        self._orderly = asyncio.Event()
        self._orderly.set()
        self._ended = False

    @property
    def held(self) -> int:
        """Events in the queue, at most `CAPACITY`."""
        return min(len(self._events), CAPACITY)

    @property
    def blocked(self) -> int:
        """Events that watchers wait to put into it."""
        return len(self._events) - self.held

    def put(self, container_id: str) -> None:
        """Add an event, and give it to whoever is first in line."""
        self._events.append(container_id)
        self._serve()

    async def take(self) -> str:
        """Wait for an event, and take it from everybody else.

        A waiter that goes away loses none: what it was given is the next one's.

        Raises:
            QueueEnded: there is none left, and there will be none.
        """
        if self._ended and not self._events:
            raise QueueEnded
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._line.append(waiter)
        self._serve()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._line:
                self._line.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:
                self._events.appendleft(waiter.result())
            self._serve()
            raise

    def end(self) -> None:
        """Send away those who wait, and let nobody wait any more."""
        self._ended = True
        waiters = [waiter for waiter in self._line if isinstance(waiter, asyncio.Future)]
        self._line.clear()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(QueueEnded())
        self._serve()

    async def one_in_line(self) -> None:
        """Return once no waiter stands behind another."""
        await self._orderly.wait()

    def _serve(self) -> None:
        while self._events and self._line:
            first = self._line.popleft()
            if not isinstance(first, asyncio.Future):
                self._line.append(first)
                first(self._events.popleft())
            elif not first.done():
                first.set_result(self._events.popleft())
        if len(self._line) > 1:
            self._orderly.clear()
        else:
            self._orderly.set()
