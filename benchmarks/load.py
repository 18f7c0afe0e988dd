"""The load generator: scrapes over HTTP, one at a time or several at once.

It does as little as it can with what comes: threads that read into one buffer, nothing decoded.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.control import Answer, HelperError, answer_commands

MAX_CLIENTS = 16
SCRAPE_SECONDS = 60.0
_BUFFER_BYTES = 1 << 20
_OK = 200
Take = Callable[[memoryview], object]


def _drop(part: memoryview) -> None:
    del part


class Load:
    """Scrapers that keep their connections, as Prometheus does."""

    def __init__(self) -> None:
        self._connections: dict[tuple[int, int], HTTPConnection] = {}
        self._threads = ThreadPoolExecutor(MAX_CLIENTS)

    async def scrape(self, port: int, path: str, coding: str, clients: int) -> Answer:
        """Scrape `path` of 127.0.0.1 once with each of so many clients, all at once.

        ``coding`` is what they accept: ``gzip``, or ``identity``.

        Returns:
            ``wall``, seconds until the last has its last byte, and ``bytes``, of one body.

        Raises:
            HelperError: an answer isn't 200.
        """
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        sizes = await asyncio.gather(
            *(
                loop.run_in_executor(self._threads, self._get, port, client, path, coding)
                for client in range(clients)
            )
        )
        return {"wall": time.perf_counter() - start, "bytes": sizes[0]}

    async def save(self, port: int, path: str, file: str) -> Answer:
        """Save a plain page; return its ``bytes``."""
        with Path(file).open("wb") as target:  # noqa: ASYNC230  nothing else runs here
            return {"bytes": self._get(port, 0, path, "identity", target.write)}

    def aclose(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            connection.close()
        self._threads.shutdown()

    def _get(self, port: int, client: int, path: str, coding: str, take: Take = _drop) -> int:
        connection = self._connections.get((port, client))
        if connection is None:
            connection = HTTPConnection("127.0.0.1", port, timeout=SCRAPE_SECONDS)
            self._connections[port, client] = connection
        connection.request("GET", path, headers={"Accept-Encoding": coding})
        response = connection.getresponse()
        total = 0
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        while count := response.readinto(buffer):
            total += count
            take(buffer[:count])
        if response.status != _OK:
            raise HelperError(f"GET {path}: status {response.status}")
        return total


async def main() -> None:
    """Scrape until standard input ends."""
    load = Load()
    try:
        await answer_commands({"scrape": load.scrape, "save": load.save})
    finally:
        load.aclose()


if __name__ == "__main__":
    asyncio.run(main())
