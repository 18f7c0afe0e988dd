"""Figures: what was measured, its median and spread, and the ratio of one to another.

A figure keeps every value, so that whoever reads the JSON can judge the spread in a way of their
own.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

Json = dict[str, object]


class Who(StrEnum):
    """Whose figure it is."""

    EXPORTER = "exporter"
    BASE = "base"
    """The exporter of another revision."""
    FLOOR = "floor"
    """Does the least that any program would have to do for the same bytes."""


class Unit(StrEnum):
    """What values are in."""

    SECONDS = "seconds"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """On which fleet something was measured: its size, and how many of its agents hang."""

    sandboxes: int
    hung: int = 0

    def __str__(self) -> str:
        noun = "sandbox" if self.sandboxes == 1 else "sandboxes"
        return f"{self.sandboxes} {noun}" + (f", {self.hung} hung" if self.hung else "")


@dataclass(frozen=True, slots=True)
class Key:
    """What is comparable with what: figures of the same key, whoever they are of."""

    setting: Setting
    name: str
    unit: Unit = Unit.SECONDS


@dataclass(frozen=True, slots=True)
class Figure:
    """Values of one thing, a value a round.

    Raises:
        ValueError: there is no value.
    """

    key: Key
    who: Who
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.key.name}: nothing was measured")

    @property
    def median(self) -> float:
        """Return the median."""
        return statistics.median(self.values)

    def as_json(self) -> Json:
        """Return it for JSON: sizes, unit, median, least, most, and every value in its order."""
        return {
            "name": self.key.name,
            "who": str(self.who),
            "sandboxes": self.key.setting.sandboxes,
            "hung": self.key.setting.hung,
            "unit": str(self.key.unit),
            "median": self.median,
            "least": min(self.values),
            "most": max(self.values),
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """The exporter's median over the base's; `of_pairs` has that of each A and the B after it."""

    key: Key
    ratio: float
    of_pairs: tuple[float, ...]

    def as_json(self) -> Json:
        """Return it for JSON."""
        return {
            "name": self.key.name,
            "sandboxes": self.key.setting.sandboxes,
            "hung": self.key.setting.hung,
            "ratio": self.ratio,
            "ratio_of_pairs": list(self.of_pairs),
        }


class Visit:
    """Values from one uninterrupted look at one program.

    Args:
        setting: on which fleet.
        who: whose they are.
    """

    def __init__(self, setting: Setting, who: Who) -> None:
        self.setting = setting
        self.who = who
        self.values: dict[Key, list[float]] = {}

    def add(self, name: str, value: float, unit: Unit = Unit.SECONDS) -> None:
        """Take a value."""
        self.values.setdefault(Key(self.setting, name, unit), []).append(value)


class Results:
    """All values, visit by visit."""

    def __init__(self) -> None:
        self._visits: dict[tuple[Key, Who], list[list[float]]] = {}

    def take(self, visit: Visit) -> None:
        """Take the values of a visit."""
        for key, values in visit.values.items():
            self._visits.setdefault((key, visit.who), []).append(values)

    def figures(self) -> tuple[Figure, ...]:
        """Return all figures, in the order in which they first came."""
        return tuple(
            Figure(key, who, tuple(value for visit in visits for value in visit))
            for (key, who), visits in self._visits.items()
        )

    def ratios(self) -> tuple[Ratio, ...]:
        """Return the exporter over the base, for each figure that both have.

        A base whose median is 0 gives no ratio.
        """
        found: list[Ratio] = []
        for (key, who), ours in self._visits.items():
            theirs = self._visits.get((key, Who.BASE))
            if who is not Who.EXPORTER or theirs is None:
                continue
            whole = _quotient(_all(ours), _all(theirs))
            pairs = [_quotient(a, b) for a, b in zip(ours, theirs, strict=False)]
            if whole is not None:
                found.append(Ratio(key, whole, tuple(pair for pair in pairs if pair is not None)))
        return tuple(found)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines: a heading for each fleet, floors beside who has to clear them."""
    floors = {figure.key: figure for figure in figures if figure.who is Who.FLOOR}
    judged = {figure.key for figure in figures if figure.who is not Who.FLOOR}
    alone = [figure for key, figure in floors.items() if key not in judged]
    rows = [figure for figure in figures if figure.who is not Who.FLOOR] + alone
    rows.sort(key=lambda figure: figure.key.setting)
    width = max((len(_label(figure)) for figure in rows), default=0)
    lines: list[str] = []
    for setting, of_setting in groupby(rows, key=lambda figure: figure.key.setting):
        lines += ["", f"{setting}".ljust(width) + _COLUMNS]
        lines += [
            f"{_label(figure):{width}}" + _cells(figure, floors.get(figure.key))
            for figure in of_setting
        ]
    return "\n".join(lines).removeprefix("\n")


def ratio_table(ratios: Sequence[Ratio], base: str) -> str:
    """Return the ratios as lines."""
    width = max((len(ratio.key.name) for ratio in ratios), default=0)
    lines = [f"this tree over {base}; in brackets each pair of runs"]
    for setting, of_setting in groupby(ratios, key=lambda ratio: ratio.key.setting):
        lines += ["", str(setting)]
        for ratio in of_setting:
            pairs = ", ".join(f"{pair:.3f}" for pair in ratio.of_pairs)
            lines.append(f"{ratio.key.name:{width}}  {ratio.ratio:7.3f}  ({pairs})")
    return "\n".join(lines)


def shown(value: float, unit: Unit) -> str:
    """Return a value with a unit that a person reads: ms or s, MiB."""
    if unit is Unit.BYTES:
        return f"{value / (1 << 20):.1f} MiB"
    return f"{value:.2f} s" if value >= 10 else f"{value * 1000:.2f} ms"


def document(results: Results, *, machine: Mapping[str, object], run: Mapping[str, object]) -> Json:
    """Return what ``--json`` writes."""
    return {
        "schema": 1,
        "machine": dict(machine),
        "run": dict(run),
        "figures": [figure.as_json() for figure in results.figures()],
        "ratios": [ratio.as_json() for ratio in results.ratios()],
    }


_CELL = 12
_COLUMNS = "".join(
    f"{name:>{_CELL}}" for name in ("median", "least", "most", "floor", "least", "most", "ratio")
)


def _label(figure: Figure) -> str:
    return figure.key.name + (" (base)" if figure.who is Who.BASE else "")


def _cells(figure: Figure, floor: Figure | None) -> str:
    if floor is None:
        return _spread(figure)
    if figure is floor:
        return " " * 3 * _CELL + _spread(floor)
    ratio = f"{figure.median / floor.median:.2f}" if floor.median else ""
    return _spread(figure) + _spread(floor) + f"{ratio:>{_CELL}}"


def _spread(figure: Figure) -> str:
    values = (figure.median, min(figure.values), max(figure.values))
    return "".join(f"{shown(value, figure.key.unit):>{_CELL}}" for value in values)


def _all(visits: Sequence[Sequence[float]]) -> list[float]:
    return [value for visit in visits for value in visit]


def _quotient(above: Sequence[float], below: Sequence[float]) -> float | None:
    divisor = statistics.median(below)
    return statistics.median(above) / divisor if divisor else None
