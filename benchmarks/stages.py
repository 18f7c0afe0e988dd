"""What is measured on a fleet besides scrapes, and how.

*first round* (in process): ``app.Exporter`` asks every sandbox at once, from nothing. Wall and CPU
time of the round alone, and how late the event loop was in it. The floor makes the same calls.

*round* (``serve``): the exporter keeps its own schedule, at its default interval. CPU time of the
process over a window, by the collections that the agents counted in it, times the agents that
answer. Such a round has no wall time: it is spread over the interval. The windows begin when every
sandbox was asked twice, since the exporter learns from the first two answers. The floor makes the
same calls on open connections, back to back.

*lag* (in process): how late the event loop is while the exporter collects, and while it is scraped
as well, once gzip and once plain.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control import Answer, Helper, helper
from benchmarks.costs import cpu_seconds
from benchmarks.figures import Visit
from benchmarks.fleet import CannedFleet
from benchmarks.scraping import APART_SECONDS, METRICS, ONE, scrape
from benchmarks.serving import Serving

ASK_SECONDS = 120.0
LAG_SECONDS = 2 * APART_SECONDS
"""How long the event loop is watched for a value: long enough for two scrapes."""

_LAGS = ("p99", "most")


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a stage looks: so many values, and seconds of the exporter's own schedule for each."""

    rounds: int
    window_seconds: float


async def first_rounds(visit: Visit, tree: Path, config: Path, extent: Extent) -> None:
    """Measure an exporter's first round, each time with a new one."""
    async with helper("benchmarks.in_process", tree=tree) as exporter:
        await exporter.ask("load", within=ASK_SECONDS, config=str(config))
        for answer in await _warm(exporter, "first_round", extent):
            _add_first_round(visit, answer)
            for name in _LAGS:
                visit.add(f"first round: lag, {name}", answer["lag"][name])


async def bare_calls(visit: Visit, fleet: CannedFleet, extent: Extent) -> None:
    """Measure the floor of collection, on the agents that answer."""
    async with helper("benchmarks.floor_calls") as floor:
        for answer in await _warm(floor, "first_round", extent, **fleet.place()):
            _add_first_round(visit, answer)
        for answer in await _warm(floor, "round", extent):
            visit.add("round: CPU", answer["cpu"])
            visit.add("round, back to back: wall", answer["wall"])


async def rounds(
    visit: Visit, exporter: Serving, agents: Helper, fleet: CannedFleet, extent: Extent
) -> None:
    """Measure an exporter that keeps its own schedule; a window without a collection gives none."""
    for _ in range(extent.rounds):
        cpu, collections = cpu_seconds(exporter.pid), await _collections(agents)
        await asyncio.sleep(extent.window_seconds)
        cpu = cpu_seconds(exporter.pid) - cpu
        collections = await _collections(agents) - collections
        if collections:
            visit.add("round: CPU", cpu / collections * fleet.answering)


async def lags(visit: Visit, tree: Path, config: Path, load: Helper, extent: Extent) -> None:
    """Measure how late an exporter's event loop is, in turns with and without scrapes."""
    async with helper("benchmarks.in_process", tree=tree) as exporter:
        await exporter.ask("load", within=ASK_SECONDS, config=str(config))
        port = (await exporter.ask("start", within=ASK_SECONDS))["port"]
        for _ in range(extent.rounds):
            quiet = await exporter.ask("lag", within=ASK_SECONDS, seconds=LAG_SECONDS)
            busy, _ = await asyncio.gather(
                exporter.ask("lag", within=ASK_SECONDS, seconds=LAG_SECONDS),
                _scrape_both(load, port),
            )
            for name in _LAGS:
                visit.add(f"lag, collecting: {name}", quiet[name])
                visit.add(f"lag, scraped as well: {name}", busy[name])


async def _scrape_both(load: Helper, port: int) -> None:
    plain, gzip = ONE
    await scrape(load, port, METRICS, gzip)
    await asyncio.sleep(APART_SECONDS)
    await scrape(load, port, METRICS, plain)


async def _warm(asked: Helper, command: str, extent: Extent, **arguments: object) -> list[Answer]:
    """Ask once to warm up, and then for the values."""
    answers = [
        await asked.ask(command, within=ASK_SECONDS, **arguments) for _ in range(1 + extent.rounds)
    ]
    return answers[1:]


async def _collections(agents: Helper) -> int:
    return int((await agents.ask("collections", within=ASK_SECONDS))["collections"])


def _add_first_round(visit: Visit, answer: Answer) -> None:
    visit.add("first round: wall", answer["wall"])
    visit.add("first round: CPU", answer["cpu"])
