"""What is measured while sandboxes come and go: how soon discovery knows, and what it costs.

*known*, *addressed*, *gone*: from just before a sandbox's first file is made, or its first socket
closed, until discovery tells of it, of its agent's address, or of its end. A value is that of one
window. The floor watches the same folders with nothing but inotify.

*CPU* is the exporter's a second of churn, first rounds of new sandboxes included. *resident memory*
is that at a window's end: it grows where something is kept of what has gone.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control import Answer, Helper, helper
from benchmarks.costs import cpu_seconds, resident_bytes
from benchmarks.discovering import DIRECTORIES
from benchmarks.figures import Results, Setting, Unit, Visit, Who
from benchmarks.in_process import percentile
from benchmarks.stages import ASK_SECONDS

SETTLE_SECONDS = 2.0
"""How long what happened last may take to be known."""

_SHARES = {"median": 0.5, "p95": 0.95, "most": 1.0}


@dataclass(frozen=True, slots=True)
class Churn:
    """How much comes and goes."""

    sandboxes: int = 1000
    per_second: int = 50
    windows: int = 4
    window_seconds: float = 15.0


QUICK = Churn(sandboxes=100, per_second=20, windows=2, window_seconds=2.0)


async def measure(
    churn: Churn, folder: Path, results: Results, tell: Callable[[str], None]
) -> None:
    """Measure on a simulated node below an empty folder.

    Raises:
        HelperError: a process failed, or didn't answer in time.
    """
    setting = Setting(churn.sandboxes)
    ours, floor = Visit(setting, Who.EXPORTER), Visit(setting, Who.FLOOR)
    async with (
        helper("benchmarks.churn_fleet") as fleet,
        helper("benchmarks.discovering") as exporter,
        helper("benchmarks.floor_watch") as watch,
    ):
        await fleet.ask("start", within=ASK_SECONDS, folder=str(folder), sandboxes=churn.sandboxes)
        await exporter.ask("start", within=ASK_SECONDS, folder=str(folder))
        folders = [str(folder / name) for name in DIRECTORIES]
        await watch.ask("start", within=ASK_SECONDS, folders=folders)
        for window in range(churn.windows):
            tell(f"{setting}: {churn.per_second} a second, window {window + 1}")
            cpu = cpu_seconds(exporter.pid)
            happened = await fleet.ask(
                "churn",
                within=churn.window_seconds + ASK_SECONDS,
                per_second=churn.per_second,
                seconds=churn.window_seconds,
            )
            cpu = cpu_seconds(exporter.pid) - cpu
            await asyncio.sleep(SETTLE_SECONDS)
            ours.add("churn: CPU a second", cpu / churn.window_seconds)
            ours.add("churn: resident memory", resident_bytes(exporter.pid), Unit.BYTES)
            await _add_delays(ours, exporter, happened)
            await _add_delays(floor, watch, happened)
    results.take(ours)
    results.take(floor)


async def _add_delays(visit: Visit, watcher: Helper, happened: Answer) -> None:
    noted = await watcher.ask("noted", within=ASK_SECONDS)
    for name, what, since in (
        ("known", "seen", "made"),
        ("addressed", "addressed", "made"),
        ("gone", "gone", "ended"),
    ):
        delays = _delays(noted.get(what, {}), happened[since])
        for share_name, share in _SHARES.items() if delays else ():
            visit.add(f"discovery: {name}, {share_name}", percentile(delays, share))


def _delays(noted: Mapping[str, float], happened: Mapping[str, float]) -> list[float]:
    """Return how long after it happened each was noted; what never was is as late as can be."""
    if not noted:
        return []
    latest = max(noted.values())
    return [noted.get(id_, latest + SETTLE_SECONDS) - at for id_, at in happened.items()]
