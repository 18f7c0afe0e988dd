"""A page that is rendered at most once a second, and compressed at most once.

Ten scrapers that come together get the same bytes, so none of them costs more than the sending.
"""

import asyncio
import zlib
from collections.abc import Callable

from kata_exporter.clock import Clock

REUSE_SECONDS = 1.0

GZIP_LEVEL = 1
"""Most of the saving for a tenth of the time."""

_GZIP_WINDOW_BITS = 31


class PageCache:
    """Keeps the last page.

    Args:
        render: makes a page; runs on the event loop.
        clock: says how old the page is.
    """

    def __init__(self, render: Callable[[], bytes], clock: Clock) -> None:
        self._render = render
        self._clock = clock
        self._body = b""
        self._rendered_at: float | None = None
        self._gzipped: asyncio.Future[bytes] | None = None

    @property
    def is_old(self) -> bool:
        """Whether the page isn't given again."""
        rendered_at = self._rendered_at
        return rendered_at is None or self._clock.monotonic() - rendered_at >= REUSE_SECONDS

    @property
    def size_bytes(self) -> int:
        """Size of the page, uncompressed."""
        return len(self._body)

    def drop_if_old(self) -> None:
        """Let go of a page that isn't given again; one that waits to be compressed stays."""
        if self.is_old:
            self._body, self._gzipped = b"", None

    def plain(self) -> bytes:
        """Return the page."""
        if self.is_old:
            now = self._clock.monotonic()
            self._body = self._render()
            self._rendered_at = now
            self._gzipped = None
        return self._body

    async def gzipped(self) -> bytes:
        """Return the page compressed; that is done in a thread, once for all who wait."""
        body = self.plain()
        if self._gzipped is None:
            self._gzipped = asyncio.get_running_loop().run_in_executor(None, _gzip, body)
        # Who goes away while waiting doesn't take it from the others.
        return await asyncio.shield(self._gzipped)


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return compressor.compress(body) + compressor.flush()
