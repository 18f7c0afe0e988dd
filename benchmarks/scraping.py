"""Scrapes of a server, by the load generator: the exporter's page, or the floor's constant one.

Wall time is until the last client has its last byte. CPU time is that of the server's whole process
meanwhile, the collection that goes on included. The peak of memory is reset before each scrape.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.control import Helper
from benchmarks.costs import cpu_seconds, peak_bytes, reset_peak
from benchmarks.figures import Unit, Visit
from benchmarks.serving import Serving

APART_SECONDS = 1.1
"""Between two scrapes of the exporter, which uses a page again for a second: each renders anew."""

SCRAPE_SECONDS = 120.0
METRICS = "/metrics"


@dataclass(frozen=True, slots=True)
class Scrape:
    """A kind of scrape; `floor_path` is what its floor is asked for."""

    name: str
    coding: str
    clients: int
    floor_path: str


_IDENTITY, _GZIP = "identity", "gzip"
ONE = (
    Scrape("scrape, plain", _IDENTITY, 1, "/plain"),
    Scrape("scrape, gzip", _GZIP, 1, "/gzip"),
)
TEN = (
    Scrape("ten scrapes, plain", _IDENTITY, 10, "/plain"),
    Scrape("ten scrapes, gzip", _GZIP, 10, "/gzip"),
)
AHEAD = (
    Scrape("scrape, gzip ahead", _GZIP, 1, "/gzip-ahead"),
    Scrape("ten scrapes, gzip ahead", _GZIP, 10, "/gzip-ahead"),
)


async def scrape(load: Helper, port: int, path: str, kind: Scrape) -> float:
    """Scrape once; return the wall time in seconds.

    Raises:
        HelperError: the load generator failed, or took too long.
    """
    answer = await load.ask(
        "scrape",
        within=SCRAPE_SECONDS,
        port=port,
        path=path,
        coding=kind.coding,
        clients=kind.clients,
    )
    return float(answer["wall"])


async def measure_exporter(
    visit: Visit, exporter: Serving, load: Helper, kinds: Sequence[Scrape], rounds: int
) -> None:
    """Scrape the exporter, each kind so many times."""
    await _measure(
        visit, exporter, load, kinds, rounds=rounds, path=lambda _: METRICS, apart=APART_SECONDS
    )


async def measure_floor(visit: Visit, floor: Serving, load: Helper, rounds: int) -> None:
    """Scrape the constant page, each kind so many times."""
    kinds = ONE + TEN + AHEAD
    await _measure(
        visit, floor, load, kinds, rounds=rounds, path=lambda kind: kind.floor_path, apart=0.0
    )


async def _measure(
    visit: Visit,
    server: Serving,
    load: Helper,
    kinds: Sequence[Scrape],
    *,
    rounds: int,
    path: Callable[[Scrape], str],
    apart: float,
) -> None:
    """Scrape each kind in turn, so that drift meets all of them; the first turn warms up."""
    for turn in range(1 + rounds):
        for kind in kinds:
            await asyncio.sleep(apart if turn else 0)
            reset_peak(server.pid)
            cpu = cpu_seconds(server.pid)
            wall = await scrape(load, server.port, path(kind), kind)
            cpu = cpu_seconds(server.pid) - cpu
            if turn:
                visit.add(f"{kind.name}: wall", wall)
                visit.add(f"{kind.name}: CPU", cpu)
                visit.add(f"{kind.name}: peak memory", peak_bytes(server.pid), Unit.BYTES)
