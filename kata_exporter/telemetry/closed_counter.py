"""A counter whose label has a closed set of values."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

OTHER = "other"


class ClosedCounter:
    """A counter with one label of a closed set; every value is there from the start.

    What is outside of the set is counted under `OTHER`.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        help_text: str,
        label: str,
        values: Iterable[str],
    ) -> None:
        counter = Counter(name, help_text, [label], registry=registry)
        self._children = {str(value): counter.labels(str(value)) for value in (*values, OTHER)}

    def inc(self, value: str, n: int = 1) -> None:
        """Count under a value."""
        self._children.get(value, self._children[OTHER]).inc(n)
