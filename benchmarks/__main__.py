"""Runs every benchmark and prints a table, or JSON with ``--json``.

Each figure is the median of several runs, with the spread behind it. A *floor* does the least that
any program would have to do for the same bytes; the ratio to it travels better between machines
than the figure itself.
"""

import argparse
import asyncio
import json
import statistics
import sys
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.round_trip import floor_round_trips, ttrpc_round_trips
from kata_exporter.exposition import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.metrics import label_pairs

RUNS = 7
SANDBOXES = 1000
ROUND_TRIPS = 500
ANSWER = Path(__file__).parent.parent / "tests" / "data" / "host-cgroup1" / "getmetrics.txt"


@dataclass(frozen=True, slots=True)
class Figure:
    """Times of one benchmark, in milliseconds."""

    name: str
    median_ms: float
    least_ms: float
    most_ms: float


def measure(name: str, work: Callable[[], object], *, each: int = 1) -> Figure:
    """Time `work`, which does its thing `each` times."""
    work()
    times = []
    for _ in range(RUNS):
        start = perf_counter()
        work()
        times.append((perf_counter() - start) * 1000 / each)
    return Figure(name, statistics.median(times), min(times), max(times))


def _reader(number: int, layouts: LayoutCache) -> GuestReader:
    pairs = [("sandbox_id", f"{number:064x}"), ("namespace", "shop"), ("pod", f"web-{number}")]
    return GuestReader(label_pairs(pairs), schema_for("4.1.0"), layouts=layouts)


def benchmarks() -> list[Figure]:
    """Measure everything."""
    text = ANSWER.read_text()
    layouts = LayoutCache()
    readers = [_reader(number, layouts) for number in range(SANDBOXES)]
    chunks = [chunk for reader in readers for chunk in reader.read(text).chunks]
    page = render(chunks)
    lines = [chunk.lines for chunk in chunks]
    figures = [
        measure("read a guest's text, layout known", lambda: readers[0].read(text)),
        measure(
            "read a guest's text, layout new",
            lambda: _reader(0, LayoutCache()).read(text),
        ),
        measure("floor: split that text into lines", lambda: text.split("\n")),
        measure(f"page of {SANDBOXES} sandboxes, {len(page) >> 20} MiB", lambda: render(chunks)),
        measure("floor: join the same lines", lambda: b"".join(lines)),
        measure("gzip that page, level 1", lambda: zlib.compress(page, 1)),
    ]
    answer = text.encode()
    with asyncio.Runner() as runner:
        figures.append(
            measure(
                "ttrpc round trip, same answer",
                lambda: runner.run(ttrpc_round_trips(answer, ROUND_TRIPS)),
                each=ROUND_TRIPS,
            )
        )
        figures.append(
            measure(
                "floor: the same bytes over asyncio streams",
                lambda: runner.run(floor_round_trips(answer, ROUND_TRIPS)),
                each=ROUND_TRIPS,
            )
        )
    return figures


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    figures = benchmarks()
    if as_json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return 0
    width = max(len(figure.name) for figure in figures)
    print(f"{'median of ' + str(RUNS) + ' runs':{width}}  {'ms':>9}  {'least':>9}  {'most':>9}")
    for f in figures:
        print(f"{f.name:{width}}  {f.median_ms:9.3f}  {f.least_ms:9.3f}  {f.most_ms:9.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
