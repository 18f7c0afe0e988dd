"""What hostile guests cost: one by each of the costliest faults, then half of the fleet by all of them.

*bytes read* and *CPU* are the exporter's, a minute. *resident memory* is that at the end of a window,
*peak memory* the most in it. *oldest healthy* is the age of the oldest measurement of a sandbox that
behaves. The floor of each is the same exporter, in the same run, on the same fleet, while everybody
behaves; what is above it is what the attack costs.

Every sandbox is asked every 5 s, three times as often as by default, so that a window of 10 s has two
rounds of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.control import Answer, Helper, helper
from benchmarks.costs import cpu_seconds, peak_bytes, reset_peak, resident_bytes
from benchmarks.figures import Results, Setting, Unit, Visit, Who
from benchmarks.stages import ASK_SECONDS

COSTLIEST = ("full-text", "legal-max", "flood", "slow-drip", "late-metrics")
"""Faults of the simulator's catalogue."""

_MINUTE_SECONDS = 60.0
_WARM_UP_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Hostile:
    """How large the fleet is, and how long it is watched under each attack."""

    sandboxes: int = 20
    interval_seconds: int = 5
    window_seconds: float = 10.0
    faults: Sequence[str] = COSTLIEST


QUICK = Hostile(sandboxes=6, interval_seconds=1, window_seconds=2.0)


@dataclass(frozen=True, slots=True)
class _Attack:
    """Which sandboxes suffer from which fault, by number."""

    name: str
    faults: dict[int, str] = field(default_factory=dict)


async def measure(
    hostile: Hostile, folder: Path, results: Results, tell: Callable[[str], None]
) -> None:
    """Measure on a simulated fleet below an empty folder.

    Raises:
        HelperError: a process failed, or didn't answer in time.
    """
    setting = Setting(hostile.sandboxes)
    ours, floor = Visit(setting, Who.EXPORTER), Visit(setting, Who.FLOOR)
    async with (
        helper("benchmarks.hostile_fleet") as fleet,
        helper("benchmarks.besieged") as exporter,
    ):
        there = await fleet.ask(
            "start", within=ASK_SECONDS, folder=str(folder), sandboxes=hostile.sandboxes
        )
        await exporter.ask(
            "start",
            within=ASK_SECONDS,
            sandboxes=there["sandboxes"],
            interval_seconds=hostile.interval_seconds,
        )
        ids = [sandbox["id"] for sandbox in there["sandboxes"]]
        warm_up = _WARM_UP_ROUNDS * hostile.interval_seconds
        await exporter.ask("watch", within=ASK_SECONDS, seconds=warm_up, healthy=ids)
        attacks = _attacks(hostile)
        tell(f"{setting}: the floor")
        usual = await _window(hostile, exporter, ids)
        for attack in attacks:
            _add(floor, attack, usual)
        for attack in attacks:
            tell(f"{setting}: {attack.name}")
            await fleet.ask("suffer", within=ASK_SECONDS, faults=attack.faults)
            healthy = [id_ for number, id_ in enumerate(ids) if number not in attack.faults]
            _add(ours, attack, await _window(hostile, exporter, healthy))
    results.take(ours)
    results.take(floor)


def _attacks(hostile: Hostile) -> list[_Attack]:
    """Return an attack by each fault, each by another sandbox, and one by half of them."""
    faults = hostile.faults
    alone = [
        _Attack(f"one, {fault}", {number % hostile.sandboxes: fault})
        for number, fault in enumerate(faults)
    ]
    half = {number: faults[number // 2 % len(faults)] for number in range(0, hostile.sandboxes, 2)}
    return [*alone, _Attack("half, by all of these", half)]


async def _window(hostile: Hostile, exporter: Helper, healthy: Sequence[str]) -> Answer:
    """Return what the exporter costs in a window, by the names of figures."""
    reset_peak(exporter.pid)
    cpu = cpu_seconds(exporter.pid)
    seen = await exporter.ask(
        "watch",
        within=hostile.window_seconds + ASK_SECONDS,
        seconds=hostile.window_seconds,
        healthy=healthy,
    )
    cpu = cpu_seconds(exporter.pid) - cpu
    of_a_minute = _MINUTE_SECONDS / hostile.window_seconds
    return {
        "bytes read a minute": seen["received_bytes"] * of_a_minute,
        "CPU a minute": cpu * of_a_minute,
        "resident memory": resident_bytes(exporter.pid),
        "peak memory": peak_bytes(exporter.pid),
        "oldest healthy": seen["oldest_seconds"],
    }


def _add(visit: Visit, attack: _Attack, window: Answer) -> None:
    for name, value in window.items():
        unit = Unit.BYTES if "bytes" in name or "memory" in name else Unit.SECONDS
        visit.add(f"{attack.name}: {name}", value, unit)
