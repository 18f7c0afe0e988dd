"""A source that is opened and read in threads, by a coroutine that may be cancelled at any time."""

import asyncio
import threading
from pathlib import Path

from kata_exporter.agent.calls.source import Piece, Source


class Reading:
    """Reads what is copied, one thread at a time. `close` it.

    Whoever holds the lock owns the source: closing while a thread reads would block the event loop
    for as long as the disk does, so then the thread closes it when it is done.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._closed = False

    async def next_piece(self) -> tuple[Source, Piece] | None:
        """Return the next piece, with what it is of; None after the last.

        Raises:
            ArgumentError: the source is neither file, folder nor link.
            CopyError: it can't be read, or isn't what it was.
        """
        return await asyncio.to_thread(self._next_piece)

    def close(self) -> None:
        """Close the source, at once or when the read that is under way has ended."""
        self._closed = True
        self._close_unless_read()

    def _next_piece(self) -> tuple[Source, Piece] | None:
        try:
            with self._lock:
                if self._source is None:
                    self._source = Source.open(self._path)
                piece = self._source.next_piece()
                return None if piece is None else (self._source, piece)
        finally:
            # Looked at without the lock: whoever closes either got it, or has set this before.
            if self._closed:
                self._close_unless_read()

    def _close_unless_read(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                if self._source is not None:
                    self._source.close()
            finally:
                self._lock.release()
