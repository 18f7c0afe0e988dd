"""A lane: so many may be in it at a time, and the others wait in the order in which they came."""

import asyncio
from collections import deque


class Lane:
    """A semaphore whose number of places can be changed; a context manager.

    Args:
        places: how many may be in it, from 1.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, places: int) -> None:
        """Let so many in from now on; who is in it already may stay."""
        self._places = places
        self._admit()

    async def __aenter__(self) -> None:
        if self._taken < self._places and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(turn)
            else:  # it was let in just before
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._taken < self._places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    def _forget(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
