"""The agent's queue of OOM events: each goes to one waiter, the one that has waited longest."""

import asyncio


class OomQueue:
    """Events of one guest. A waiter that goes away before its event came loses none.

    The agent's own queue holds a hundred; what watches a container waits while it is full, and
    nothing is dropped. From outside, that is a queue without an end.
    """

    def __init__(self) -> None:
        self._events: asyncio.Queue[str] = asyncio.Queue()
        self._turn = asyncio.Lock()

    def put(self, container_id: str) -> None:
        """Add an event."""
        self._events.put_nowait(container_id)

    async def take(self) -> str:
        """Wait for an event, and take it from everybody else."""
        async with self._turn:
            return await self._events.get()
