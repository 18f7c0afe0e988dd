"""How the sources of OOMs fare."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry

from kata_exporter.telemetry import own_metrics


class OomMetrics:
    """What the accounting of OOMs reports of itself; every series is there from the start.

    Args:
        registry: where the families go.
        sources: a closed set.
        outcomes: what becomes of what they tell; a closed set.
    """

    def __init__(
        self, registry: CollectorRegistry, sources: Iterable[str], outcomes: Iterable[str]
    ) -> None:
        names, outcomes = tuple(map(str, sources)), tuple(map(str, outcomes))
        up = own_metrics.gauge(own_metrics.OOM_SOURCE_UP, registry)
        self._up = {name: up.labels(name) for name in names}
        events = own_metrics.counter(own_metrics.OOM_EVENTS, registry)
        self._events = {
            (name, outcome): events.labels(name, outcome) for name in names for outcome in outcomes
        }

    def set_up(self, is_up: Mapping[str, bool]) -> None:
        """Take note of which sources are there."""
        for name, up in is_up.items():
            self._up[str(name)].set(up)

    def count_event(self, source: str, outcome: str) -> None:
        """Count something that a source told; one of no known source or outcome is passed over."""
        event = self._events.get((str(source), str(outcome)))
        if event is not None:
            event.inc()
