"""A counter whose label has a closed set of values."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from kata_exporter.metrics import Metric
from kata_exporter.telemetry.own_metrics import counter

OTHER = "other"


class ClosedCounter:
    """A counter with one label of a closed set; every value is there from the start.

    What is outside of the set is counted under `OTHER`.
    """

    def __init__(self, registry: CollectorRegistry, metric: Metric, values: Iterable[str]) -> None:
        family = counter(metric, registry)
        self._children = {str(value): family.labels(str(value)) for value in (*values, OTHER)}

    def inc(self, value: str, n: int = 1) -> None:
        """Count under a value."""
        self._children.get(value, self._children[OTHER]).inc(n)
