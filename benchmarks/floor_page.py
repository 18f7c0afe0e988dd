"""The floor of a scrape: an aiohttp handler that serves one constant body, a page of the exporter.

``/plain`` sends it as it is, ``/gzip`` compresses it for every request (in a thread, at the
exporter's level), and ``/gzip-ahead`` sends what was compressed once.
"""

import asyncio
import zlib
from pathlib import Path

from aiohttp import hdrs, web

from benchmarks.control import Answer, answer_commands

_GZIP_LEVEL = 1
_GZIP_WINDOW_BITS = 31
_HEADERS = {hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"}
_GZIP_HEADERS = {**_HEADERS, hdrs.CONTENT_ENCODING: "gzip"}


class ConstantPage:
    """Serves a body on 127.0.0.1."""

    def __init__(self) -> None:
        self._body = b""
        self._gzipped = b""
        self._runner: web.AppRunner | None = None

    async def start(self, body: str) -> Answer:
        """Serve the file `body`; return the port."""
        self._body = await asyncio.to_thread(Path(body).read_bytes)
        self._gzipped = _gzip(self._body)
        app = web.Application()
        app.router.add_get("/plain", self._plain)
        app.router.add_get("/gzip", self._gzip)
        app.router.add_get("/gzip-ahead", self._gzip_ahead)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return {"port": self._runner.addresses[0][1]}

    async def aclose(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _plain(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._body, headers=_HEADERS)

    async def _gzip(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=await asyncio.to_thread(_gzip, self._body), headers=_GZIP_HEADERS)

    async def _gzip_ahead(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._gzipped, headers=_GZIP_HEADERS)


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return compressor.compress(body) + compressor.flush()


async def main() -> None:
    """Serve until standard input ends."""
    page = ConstantPage()
    try:
        await answer_commands({"start": page.start})
    finally:
        await page.aclose()


if __name__ == "__main__":
    asyncio.run(main())
