"""``python -m benchmarks``: measures, prints a table, and writes JSON with ``--json FILE``.

Each figure is the median of several rounds with its spread. A *floor* does the least that any
program would have to do for the same bytes; the ratio to it travels better between machines than
the figure itself. There are no targets here.

Agents, exporter and load generator are processes of their own. They share the machine's cores, so
a wall time holds for that load as well.
"""

import asyncio
import json
import resource
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import churn, hostile, micro
from benchmarks.arguments import Arguments, parse
from benchmarks.control import HelperError
from benchmarks.figures import Json, Results, document, ratio_table, table
from benchmarks.fleet_run import FleetRun
from benchmarks.machine import machine_facts
from benchmarks.plan import Plan, paired
from benchmarks.worktree import head, revision
from kata_exporter.cli.runner import run_until_signal

MAX_SECONDS = 3600.0
"""How long everything together may take."""

# A listener of an agent, and its end of up to two connections, with some to spare.
_FILES_PER_SANDBOX = 4
_FILES_PER_SIMULATED = 6  # and those of a shim
_OTHER_FILES = 256
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  a runtime's folders are in memory too
_MEMORY = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
_FAILED, _STOPPED = 1, 130


def main() -> int:
    """Measure as the command line says; return the exit code."""
    arguments = parse()
    try:
        results = run_until_signal(_measure(arguments))
    except HelperError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return _FAILED
    except TimeoutError:
        print(f"benchmarks: not done in {MAX_SECONDS:g} s", file=sys.stderr)
        return _FAILED
    if results is None:
        return _STOPPED
    return 0


async def _measure(arguments: Arguments) -> Results:
    results = Results()
    started = datetime.now(UTC)
    run: Json = {
        "what": arguments.what,
        "started": started.isoformat(timespec="seconds"),
        "revision": await head(),
        "base": arguments.base,
        "rounds": arguments.plan.rounds,
        "window_seconds": arguments.plan.window_seconds,
        "interval_seconds": arguments.plan.interval_seconds,
    }
    async with asyncio.timeout(MAX_SECONDS):
        if arguments.what == "micro":
            await asyncio.to_thread(micro.measure, arguments.plan.rounds, results)
        elif arguments.what == "churn":
            await measure_churn(arguments.churn, results)
        elif arguments.what == "hostile":
            await measure_hostile(arguments.hostile, results)
        else:
            await measure_fleets(arguments.plan, arguments.base, results)
    run["seconds"] = round((datetime.now(UTC) - started).total_seconds(), 1)
    written = document(results, machine=machine_facts(), run=run)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(written, indent=1) + "\n")
    print(table(results.figures()))
    if arguments.base is not None:
        print("\n" + ratio_table(results.ratios(), arguments.base))
    return results


async def measure_fleets(plan: Plan, base: str | None, results: Results) -> None:
    """Measure on every fleet of a plan; with a base, in turns with that revision.

    Raises:
        HelperError: a process failed, there is no such revision, or too few files may be open.
    """
    _allow_files(_OTHER_FILES + _FILES_PER_SANDBOX * max(plan.sizes))
    async with AsyncExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="kata-bench-")))
        if base is not None:
            tree = await ends.enter_async_context(revision(base, folder))
            plan = replace(plan, visits=paired(tree))
        for number, setting in enumerate(plan.settings):
            place = folder / str(number)
            place.mkdir()
            await FleetRun(plan, setting, place, results, _tell).run()


async def measure_churn(extent: churn.Churn, results: Results) -> None:
    """Measure on a node on which sandboxes come and go, in a folder in memory where there is one.

    Raises:
        HelperError: a process failed, or too few files may be open.
    """
    _allow_files(_OTHER_FILES + _FILES_PER_SIMULATED * extent.sandboxes)
    with tempfile.TemporaryDirectory(prefix="kata-bench-", dir=_MEMORY) as folder:
        await churn.measure(extent, Path(folder), results, _tell)


async def measure_hostile(extent: hostile.Hostile, results: Results) -> None:
    """Measure on a fleet some of which attacks.

    Raises:
        HelperError: a process failed, or too few files may be open.
    """
    _allow_files(_OTHER_FILES + _FILES_PER_SIMULATED * extent.sandboxes)
    with tempfile.TemporaryDirectory(prefix="kata-bench-", dir=_MEMORY) as folder:
        await hostile.measure(extent, Path(folder), results, _tell)


def _allow_files(needed: int) -> None:
    """Raise the limit of open files, which the processes that are started inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < needed:
        if resource.RLIM_INFINITY != hard < needed:
            raise HelperError(f"{needed} files must be open, and the limit is {hard}: ulimit -n")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _tell(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
