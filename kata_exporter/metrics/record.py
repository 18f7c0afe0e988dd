"""A metric is a record: what its name, type, unit and labels are, and where its value comes from.

Names and rules: prometheus/docs "Metric and label naming" and "Writing exporters".
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class MetricType(StrEnum):
    """Types of the text format 0.0.4 that our records use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    UNTYPED = "untyped"


class Scope(StrEnum):
    """Which identity labels stand before a metric's own; they come from the host only."""

    SANDBOX = "sandbox"
    """``sandbox_id, namespace, pod``: written even when empty, so that honorLabels holds."""
    CONTAINER = "container"
    """The sandbox's, then ``container, container_id``."""
    EXPORTER = "exporter"
    """None: it is about the exporter, and the scraper says which."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the identity labels, in the order in which they are written."""
        return _SCOPE_LABELS[self]


_SCOPE_LABELS: dict[Scope, tuple[str, ...]] = {
    Scope.SANDBOX: ("sandbox_id", "namespace", "pod"),
    Scope.CONTAINER: ("sandbox_id", "namespace", "pod", "container", "container_id"),
    Scope.EXPORTER: (),
}


class Stability(StrEnum):
    """What a user may rely on."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric family. Records are compared by identity: there is one of each.

    Args:
        name: with the unit in it, and ``_total`` on a counter.
        help: one line; names the raw item that the value comes from.
        type: as `MetricType`.
        scope: which identity labels come first.
        labels: its own labels, after those of the scope.
        open_labels: what the names of more labels begin with, where the configuration chooses them.
        unit: base unit, or "" where it counts things.
        source: which call, kernel file or convention the value comes from.
        stability: as `Stability`.

    Raises:
        ValueError: a name, a label or the help breaks the rules.
    """

    name: str
    help: str
    type: MetricType
    scope: Scope
    labels: tuple[str, ...] = ()
    open_labels: str = ""
    unit: str = ""
    source: str = ""
    stability: Stability = Stability.EXPERIMENTAL

    def __post_init__(self) -> None:
        for word in (self.name, *self.labels):
            if not _NAME.fullmatch(word):
                raise ValueError(f"metric {self.name!r}: {word!r} is no valid name")
        if (self.type is MetricType.COUNTER) != self.name.endswith("_total"):
            raise ValueError(f"metric {self.name!r}: _total belongs to counters, and only to them")
        if not self.help or "\n" in self.help:
            raise ValueError(f"metric {self.name!r}: help is one line")
        if set(self.labels) & set(self.scope.labels):
            raise ValueError(f"metric {self.name!r}: own label repeats one of its scope")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"metric {self.name!r}: a label stands twice")
