"""How the sources that ask the node's container runtime fare: CRI, and containerd's events."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

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
        self._stale = Gauge(
            "kata_exporter_cri_stale",
            "Whether CRI didn't answer when it was last asked: what it said before is kept, however "
            "old. 1 until it has answered once.",
            registry=registry,
        )
        self._stale.set(1)
        self._last_success: Gauge | None = None
        self._errors = ClosedCounter(
            registry,
            "kata_exporter_cri_errors_total",
            "Calls to CRI that failed, by gRPC status; that it has no events is no failure.",
            "code",
            _ERROR_CODES,
        )
        self._rejected = ClosedCounter(
            registry,
            "kata_exporter_cri_rejected_total",
            "Sandboxes and containers that CRI listed and that were passed over, counted anew in "
            "each listing, by reason.",
            "reason",
            rejected_reasons,
        )

    def listed(self, at: float) -> None:
        """Note that CRI answered at `at`, seconds since 1970."""
        if self._last_success is None:
            self._last_success = Gauge(
                "kata_exporter_cri_last_success_timestamp_seconds",
                "When CRI last answered with all that it has; absent until it has once.",
                registry=self._registry,
            )
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
        self._subscribed = Gauge(
            "kata_exporter_containerd_subscribed",
            "Whether containerd's events are heard; those of the time when they aren't are lost. 0 too "
            "where there is no containerd.",
            registry=registry,
        )
        self._interruptions = Counter(
            "kata_exporter_containerd_interruptions_total",
            "Subscriptions to containerd's events that broke; each may have lost events.",
            registry=registry,
        )
        self._errors = ClosedCounter(
            registry,
            "kata_exporter_containerd_errors_total",
            "Subscriptions to containerd's events that failed or broke, by gRPC status.",
            "code",
            _ERROR_CODES,
        )
        self._events = ClosedCounter(
            registry,
            "kata_exporter_containerd_events_total",
            "Events of containerd that were heard and used, by topic.",
            "topic",
            topics,
        )
        self._ignored = ClosedCounter(
            registry,
            "kata_exporter_containerd_events_ignored_total",
            "Events of containerd that were passed over, by reason.",
            "reason",
            ignored_reasons,
        )

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
