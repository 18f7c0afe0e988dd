"""The catalogue as JSON, for programs."""

from dataclasses import dataclass

from kata_exporter.catalog import all_metrics
from kata_exporter.cli.agent.encode import json_page
from kata_exporter.metrics import Metric


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is said of a metric."""

    name: str
    type: str
    labels: tuple[str, ...]
    """All of them, those of identity first."""
    label_prefix: str | None
    """Of more labels, whose names the configuration chooses."""
    unit: str | None
    help: str
    source: str
    stability: str


def as_json() -> bytes:
    """Return an array with an object for each metric."""
    return json_page([_listed(metric) for metric in all_metrics()])


def _listed(metric: Metric) -> _Listed:
    return _Listed(
        name=metric.name,
        type=metric.type,
        labels=(*metric.scope.labels, *metric.labels),
        label_prefix=metric.open_labels or None,
        unit=metric.unit or None,
        help=metric.help,
        source=metric.source,
        stability=metric.stability,
    )
