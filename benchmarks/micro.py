"""The hot paths alone, in one process, each beside its floor.

- a guest's text, layout known and new: floor is splitting it into lines;
- rendering a page of 1000 sandboxes: floor is joining the same lines;
- compressing that page: the time of zlib itself, without a floor;
- a ttrpc round trip over a socket pair: floor is the same bytes over asyncio streams.
"""

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from time import perf_counter

from benchmarks.figures import Results, Setting, Visit, Who
from benchmarks.fleet import AGENT_VERSION, captured_text
from benchmarks.round_trip import floor_round_trips, ttrpc_round_trips
from kata_exporter.exposition import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.metrics import label_pairs

Trips = Callable[[bytes, int], Coroutine[None, None, None]]

SANDBOXES = 1000
ROUND_TRIPS = 500


def measure(rounds: int, results: Results) -> None:
    """Measure every path so many times."""
    exporter, floor = (Visit(Setting(1), who) for who in (Who.EXPORTER, Who.FLOOR))
    _guest_text(exporter, floor, rounds)
    _round_trips(exporter, floor, rounds)
    page, joined = (Visit(Setting(SANDBOXES), who) for who in (Who.EXPORTER, Who.FLOOR))
    _pages(page, joined, rounds)
    for visit in (exporter, floor, page, joined):
        results.take(visit)


def _guest_text(exporter: Visit, floor: Visit, rounds: int) -> None:
    text = captured_text()
    reader = _reader(0, LayoutCache())
    known, new = "guest's text, layout known", "guest's text, layout new"
    _time(exporter, known, rounds, lambda: reader.read(text, 0.0))
    _time(exporter, new, rounds, lambda: _reader(0, LayoutCache()).read(text, 0.0))
    for name in (known, new):
        _time(floor, name, rounds, lambda: text.split("\n"))


def _pages(exporter: Visit, floor: Visit, rounds: int) -> None:
    text = captured_text()
    layouts = LayoutCache()
    chunks = [
        chunk
        for number in range(SANDBOXES)
        for chunk in _reader(number, layouts).read(text, 0.0).chunks
    ]
    lines = [chunk.lines for chunk in chunks]
    page = render(chunks)
    _time(exporter, "render a page", rounds, lambda: render(chunks))
    _time(floor, "render a page", rounds, lambda: b"".join(lines))
    _time(exporter, "gzip that page, level 1", rounds, lambda: zlib.compress(page, 1))


def _round_trips(exporter: Visit, floor: Visit, rounds: int) -> None:
    answer = captured_text().encode()
    name = "ttrpc round trip"
    with asyncio.Runner() as runner:
        for visit, trips in ((exporter, ttrpc_round_trips), (floor, floor_round_trips)):

            def work(trips: Trips = trips) -> None:
                runner.run(trips(answer, ROUND_TRIPS))

            _time(visit, name, rounds, work, ROUND_TRIPS)


def _time(visit: Visit, name: str, rounds: int, work: Callable[[], object], each: int = 1) -> None:
    """Time `work`, which does its thing `each` times, after one run to warm up."""
    work()
    for _ in range(rounds):
        start = perf_counter()
        work()
        visit.add(name, (perf_counter() - start) / each)


def _reader(number: int, layouts: LayoutCache) -> GuestReader:
    pairs = [("sandbox_id", f"{number:064x}"), ("namespace", "shop"), ("pod", f"web-{number}")]
    return GuestReader(label_pairs(pairs), schema_for(AGENT_VERSION), layouts=layouts)
