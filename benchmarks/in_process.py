"""The exporter inside a helper process: its first round on command, and the lag of its event loop.

`app.Exporter` runs as it does under ``serve``. A probe beside it sleeps 10 ms again and again; how
much later it wakes is what any other task, a scrape's above all, would have had to wait. The probe
itself costs about a thousandth of a core.
"""

import asyncio
import gc
import logging
import math
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from benchmarks.control import ALONE, Answer, Command, answer_commands
from kata_exporter.app import Exporter
from kata_exporter.config.load import load_settings
from kata_exporter.config.settings import Settings

PROBE_SECONDS = 0.01
READY_SECONDS = 60.0
_P99 = 0.99


class LagProbe:
    """Notes how late the event loop is; a context manager."""

    def __init__(self) -> None:
        self._lags: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def lags(self) -> Answer:
        """Return ``p99`` and ``most``, seconds."""
        return {"p99": percentile(self._lags, _P99), "most": max(self._lags, default=0.0)}

    async def _probe(self) -> None:
        while True:
            due = time.perf_counter() + PROBE_SECONDS
            await asyncio.sleep(PROBE_SECONDS)
            self._lags.append(max(0.0, time.perf_counter() - due))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values don't exceed (nearest rank); 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class InProcess:
    """Runs exporters on one configuration."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._running = AsyncExitStack()

    async def load(self, config: str) -> Answer:
        """Read the configuration, outside of any measurement."""
        flags = {"web.listen-address": ["127.0.0.1:0"]}
        self._settings = load_settings(config_file=Path(config), environ=ALONE, flags=flags)
        return {}

    async def first_round(self) -> Answer:
        """Ask every sandbox once, all at once, from nothing: connect, version, and all the rest.

        Returns:
            ``wall`` and ``cpu``, seconds of the round alone, and the ``lag`` in it.
        """
        gc.collect()
        exporter = Exporter(self._settings, environ={})
        try:
            async with LagProbe() as probe:
                wall, cpu = time.perf_counter(), time.process_time()
                await exporter.collect_once()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        finally:
            await exporter.stop()
        return {"wall": wall, "cpu": cpu, "lag": probe.lags()}

    async def start(self) -> Answer:
        """Serve, until the process ends; return the port once the first round is over."""
        exporter = Exporter(self._settings, environ={})
        self._running.push_async_callback(exporter.stop)
        await exporter.start()
        async with asyncio.timeout(READY_SECONDS):
            while not exporter.ready():  # noqa: ASYNC110  it tells nobody, it is asked
                await asyncio.sleep(PROBE_SECONDS)
        return {"port": int(exporter.addresses[0].rpartition(":")[2])}

    async def lag(self, seconds: float) -> Answer:
        """Return the lag in the next so many seconds."""
        async with LagProbe() as probe:
            await asyncio.sleep(seconds)
        return probe.lags()

    async def aclose(self) -> None:
        """Stop serving."""
        await self._running.aclose()


async def main() -> None:
    """Run exporters until standard input ends."""
    logging.getLogger("kata_exporter").setLevel(logging.ERROR)  # hung agents are meant to be silent
    subject = InProcess()
    commands: dict[str, Command] = {
        "load": subject.load,
        "first_round": subject.first_round,
        "start": subject.start,
        "lag": subject.lag,
    }
    try:
        await answer_commands(commands)
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
