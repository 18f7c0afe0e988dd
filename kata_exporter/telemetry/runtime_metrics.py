"""How the sources that ask the node's container runtime fare: CRI, and containerd's events."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge

from kata_exporter.telemetry import own_metrics
from kata_exporter.telemetry.closed_counter import ClosedCounter
from kata_exporter.telemetry.status_codes import STATUS_CODES

_ERROR_CODES = tuple(code for code in STATUS_CODES if code != "OK")


class CriMetrics:
    """What the source ``cri`` reports of itself; a hook of it.

    Args:
        registry: where the families go.
        rejected_reasons: why what is listed is passed over; a closed set.
    """

    def __init__(self, registry: CollectorRegistry, rejected_reasons: Iterable[str]) -> None:
        self._registry = registry
        self._stale = own_metrics.gauge(own_metrics.CRI_STALE, registry)
        self._stale.set(1)
        self._last_success: Gauge | None = None
        self._errors = ClosedCounter(registry, own_metrics.CRI_ERRORS, _ERROR_CODES)
        self._rejected = ClosedCounter(registry, own_metrics.CRI_REJECTED, rejected_reasons)

    def listed(self, at: float) -> None:
        """Note that CRI answered at `at`, seconds since 1970."""
        if self._last_success is None:
            self._last_success = own_metrics.gauge(own_metrics.CRI_LAST_SUCCESS, self._registry)
        self._last_success.set(at)
        self._stale.set(0)

    def stale(self) -> None:
        """Note that CRI didn't answer."""
        self._stale.set(1)

    def failed(self, code: str) -> None:
        """Count a call that failed, by its gRPC status."""
        self._errors.inc(code)

    def rejected(self, reason: str, n: int) -> None:
        """Count what was passed over."""
        self._rejected.inc(reason, n)


class ContainerdMetrics:
    """What the source of containerd's events reports of itself; a hook of it.

    Args:
        registry: where the families go.
        topics: of events that are told; a closed set.
        ignored_reasons: why events are passed over; a closed set.
    """

    def __init__(
        self, registry: CollectorRegistry, topics: Iterable[str], ignored_reasons: Iterable[str]
    ) -> None:
        self._subscribed = own_metrics.gauge(own_metrics.CONTAINERD_SUBSCRIBED, registry)
        self._interruptions = own_metrics.counter(own_metrics.CONTAINERD_INTERRUPTIONS, registry)
        self._errors = ClosedCounter(registry, own_metrics.CONTAINERD_ERRORS, _ERROR_CODES)
        self._events = ClosedCounter(registry, own_metrics.CONTAINERD_EVENTS, topics)
        self._ignored = ClosedCounter(registry, own_metrics.CONTAINERD_IGNORED, ignored_reasons)

    def subscribed(self) -> None:
        """Note that events are heard."""
        self._subscribed.set(1)

    def interrupted(self) -> None:
        """Note that they aren't any more."""
        self._subscribed.set(0)
        self._interruptions.inc()

    def failed(self, code: str) -> None:
        """Count a subscription that failed or broke, by its gRPC status."""
        self._errors.inc(code)

    def heard(self, topic: str) -> None:
        """Count an event that was told."""
        self._events.inc(topic)

    def ignored(self, reason: str) -> None:
        """Count an event that was passed over."""
        self._ignored.inc(reason)
