"""A thousand sandboxes, of which fifty a second make room for others: what a busy node looks like."""

import asyncio
import resource
import tempfile
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from benchmarks.control import Helper, helper
from benchmarks.costs import resident_bytes
from rig import up

SANDBOXES = 1000
PER_SECOND = 50
SECONDS = 60.0
BETWEEN_SCRAPES_SECONDS = 5.0
WARM_SCRAPES = 4
"""Scrapes after which memory has found its size: caches are full, the page was rendered."""
MOST_GROWTH_BYTES = 48 << 20
"""Far below what the sandboxes that went would hold: three thousand, of about 0.3 MiB each."""
SETTLED_SECONDS = 30.0
OPEN_FILES = 12_000
SHARED_MEMORY = Path("/dev/shm")


@pytest.mark.timeout(240)
async def test_fault_36_a_minute_of_churn_gives_no_series_twice_and_keeps_nothing() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(hard, OPEN_FILES)))
    try:
        with tempfile.TemporaryDirectory(dir=SHARED_MEMORY, prefix="kata-churn-") as folder:
            async with helper("benchmarks.churn_fleet") as fleet:
                await fleet.ask("start", within=60, folder=folder, sandboxes=SANDBOXES)
                async with helper("benchmarks.discovering") as exporter:
                    await _churn(fleet, exporter, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _churn(fleet: Helper, exporter: Helper, folder: str) -> None:
    port = (await exporter.ask("start", within=60, folder=folder))["port"]
    happens = asyncio.create_task(
        fleet.ask("churn", within=2 * SECONDS, per_second=PER_SECOND, seconds=SECONDS)
    )
    sizes: list[int] = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        while not happens.done():
            page = await _scrape(session)
            assert _series_twice(page) == {}
            sizes.append(resident_bytes(exporter.pid))
            await asyncio.wait([happens], timeout=BETWEEN_SCRAPES_SECONDS)
        happened = await happens
        there = set((await fleet.ask("there", within=10))["ids"])
        await _all_are_up(session, there)
    noted = await exporter.ask("noted", within=10)

    assert len(there) == SANDBOXES
    assert len(happened["made"]) > PER_SECOND * SECONDS / 2, "the machine kept no pace at all"
    assert happened["made"].keys() <= noted["seen"].keys()
    assert happened["ended"].keys() <= noted["gone"].keys()
    assert max(sizes[WARM_SCRAPES:]) - sizes[WARM_SCRAPES] < MOST_GROWTH_BYTES, sizes


async def _all_are_up(session: aiohttp.ClientSession, there: set[str]) -> None:
    """Return once the page has exactly these sandboxes, all of them up."""
    async with asyncio.timeout(SETTLED_SECONDS):
        while up(await _scrape(session)) != dict.fromkeys(there, "1"):  # noqa: ASYNC110  a page
            await asyncio.sleep(1.0)  # is rendered once a second at most


async def _scrape(session: aiohttp.ClientSession) -> str:
    async with session.get("/metrics") as answer:
        assert answer.status == 200
        return (await answer.read()).decode()


def _series_twice(page: str) -> dict[str, int]:
    series = Counter(
        line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")
    )
    return {name: n for name, n in series.items() if n > 1}
