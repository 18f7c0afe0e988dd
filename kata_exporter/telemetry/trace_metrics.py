"""What becomes of spans: families that are there where tracing is on."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from kata_exporter.telemetry import own_metrics
from kata_exporter.telemetry.closed_counter import ClosedCounter


class TraceMetrics:
    """Counts spans and attempts to export them; for any thread.

    Args:
        registry: where the families go.
        outcomes: what can become of a span; a closed set.
    """

    def __init__(self, registry: CollectorRegistry, outcomes: Iterable[str]) -> None:
        self._spans = ClosedCounter(registry, own_metrics.TRACE_SPANS, outcomes)
        self._queue = own_metrics.gauge(own_metrics.TRACE_QUEUE, registry)
        self._exports = own_metrics.histogram(own_metrics.TRACE_EXPORT_DURATION, registry)

    def count(self, outcome: str, n: int) -> None:
        """Count spans, by what became of them."""
        self._spans.inc(outcome, n)

    def queued(self, n: int) -> None:
        """Set how many wait in the queue."""
        self._queue.set(n)

    def export_took(self, seconds: float) -> None:
        """Take note of one attempt to hand over a batch."""
        self._exports.observe(seconds)
