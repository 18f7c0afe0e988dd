"""What a run measures: which fleets, how often, whose exporter."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.control import ROOT
from benchmarks.figures import Setting, Who
from benchmarks.fleet import INTERVAL_SECONDS

HUNG_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Subject:
    """An exporter under test: whose, and where its package is imported from."""

    who: Who
    tree: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    ``rounds`` is how many values a visit gives each figure, ``window_seconds`` how long the
    exporter is watched for a value where it runs on its own schedule, ``visits`` who is measured
    in which order.
    """

    sizes: tuple[int, ...] = (100, 1000)
    rounds: int = 7
    window_seconds: float = 3.0
    interval_seconds: int = INTERVAL_SECONDS
    visits: tuple[Subject, ...] = (Subject(Who.EXPORTER, ROOT),)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Return the fleets: each size whole, then with a twentieth of its agents hung."""
        return tuple(
            setting
            for size in self.sizes
            for setting in (Setting(size), Setting(size, max(1, round(size * HUNG_SHARE))))
        )


def paired(base: Path) -> tuple[Subject, ...]:
    """Return the order of a comparison with the tree `base`: A B A B, so that drift hits both."""
    return (Subject(Who.EXPORTER, ROOT), Subject(Who.BASE, base)) * 2
