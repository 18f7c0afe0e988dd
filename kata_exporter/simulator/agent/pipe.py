"""A pipe to or from a simulated process."""

import asyncio
from collections.abc import Callable

CAPACITY_BYTES = 1 << 16
"""What a pipe of Linux holds; who writes more waits for a reader."""


class Pipe:
    """Bytes on their way between a process and the agent.

    The process's side never waits: it is told when the other side has done something. The agent's
    side, `read` and `write`, does.

    Args:
        on_use: is told whenever the agent has read, written or closed.
    """

    def __init__(self, on_use: Callable[[], object]) -> None:
        self._on_use = on_use
        self._data = bytearray()
        self._closed = False
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def room(self) -> int:
        """How many bytes can be put into it."""
        return CAPACITY_BYTES - len(self._data)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be put into it."""
        return self._closed

    def put(self, data: bytes | memoryview) -> int:
        """Put in what there is room for, and return how many bytes that was."""
        taken = data[: self.room]
        self._data += taken
        self._changed.set()
        return len(taken)

    def take(self, most: int) -> bytes:
        """Take out what is there, up to `most` bytes."""
        taken = bytes(self._data[:most])
        del self._data[:most]
        self._changed.set()
        return taken

    def close(self) -> None:
        """Let nothing more be written; what is there can be read."""
        self._closed = True
        self._changed.set()

    @property
    def at_end(self) -> bool:
        """Whether there is nothing to read, and won't be."""
        return self._closed and not self._data

    async def read(self, most: int) -> bytes:
        """Wait for bytes, and return up to `most` of them; empty at the end."""
        await self._until(lambda: bool(self._data) or self._closed or not most)
        data = self.take(most)
        self._on_use()
        return data

    async def write(self, data: bytes) -> None:
        """Write all of it, as there is room.

        Raises:
            BrokenPipeError: the pipe is closed, or was before all was written.
        """
        async with self._writing:
            rest = memoryview(data)
            while rest:
                await self._until(lambda: self.room > 0 or self._closed)
                if self._closed:
                    raise BrokenPipeError("nobody reads any more")
                rest = rest[self.put(rest) :]
                self._on_use()

    async def _until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            self._changed.clear()
            await self._changed.wait()
