"""The exporter's own metrics: ``kata_exporter_*``, and ``process_*`` and ``python_*`` bare.

Nothing here is per sandbox, and every label's values are a closed set: what is outside is counted
under ``other``. Series of counters are there at 0 from the start, so that ``increase()`` sees the
first event.
"""

import platform
from collections.abc import Collection, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from kata_exporter import __version__
from kata_exporter.clock import Clock
from kata_exporter.errors import Reason
from kata_exporter.telemetry import own_metrics
from kata_exporter.telemetry.closed_counter import OTHER, ClosedCounter
from kata_exporter.telemetry.discovery_metrics import DiscoveryMetrics
from kata_exporter.telemetry.exemplars import CallExemplars
from kata_exporter.telemetry.hooks import NO_WATCH, CallInfo, CallOutcome, CallWatch, NoWatch
from kata_exporter.telemetry.oom_metrics import OomMetrics
from kata_exporter.telemetry.process_metrics import add_process_metrics
from kata_exporter.telemetry.runtime_metrics import ContainerdMetrics, CriMetrics
from kata_exporter.telemetry.status_codes import STATUS_CODES
from kata_exporter.telemetry.trace_metrics import TraceMetrics

LONG_POLLS = frozenset({"grpc.AgentService/GetOOMEvent"})
"""Calls that end when something happens: how long they took says nothing of the agent."""

PROTOCOL_EVENTS = (
    "late_answer",
    "unknown_answer",
    "frame_type",
    "frame_flags",
    "stream_id",
    "unknown_stream",
    "envelope",
    "stalled_frame",
    "too_large",
)
"""What connections report: answers that were dropped, and rules of the wire that were broken."""

HTTP_HANDLERS = (
    "/",
    "/metrics",
    "/api/v1/sandboxes",
    "/api/v1/sandboxes/{id}",
    "/api/v1/oom-events",
    "/api/v1/openapi.json",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
)
_HTTP_CODES = range(100, 600)
_USUAL_HTTP_CODES = (200, 500, 503)


class SelfMetrics:
    """The exporter's own metrics, in a registry of their own.

    Args:
        rejected_reasons: why samples or texts of guests are refused; a closed set.
        drop_reasons: why collected series are not kept; a closed set.
        resync_causes: why a directory is looked through as a whole; a closed set.
        protocol_events: what connections report; a closed set.
        http_handlers: paths that are told apart in the count of requests.

    Attributes:
        discovery: how sandboxes are found.
        exemplars: of the durations of calls.
    """

    def __init__(
        self,
        rejected_reasons: Iterable[str],
        *,
        drop_reasons: Iterable[str] = (),
        resync_causes: Iterable[str] = (),
        protocol_events: Iterable[str] = PROTOCOL_EVENTS,
        http_handlers: Iterable[str] = HTTP_HANDLERS,
    ) -> None:
        registry = self._registry = _Registry()
        _add_build_info(registry)
        self.exemplars = CallExemplars()
        self._calls = _CallDurations(registry)
        self._collection_seconds = own_metrics.histogram(own_metrics.COLLECTION_DURATION, registry)
        self._collections = ClosedCounter(
            registry,
            own_metrics.COLLECTIONS,
            (reason for reason in Reason if reason is not Reason.PENDING),
        )
        self._sandboxes = own_metrics.gauge(own_metrics.SANDBOXES, registry)
        self._config_successful = own_metrics.gauge(own_metrics.CONFIG_SUCCESSFUL, registry)
        self._config_success_time = own_metrics.gauge(own_metrics.CONFIG_SUCCESS_TIME, registry)
        self._rejected = ClosedCounter(registry, own_metrics.REJECTED, rejected_reasons)
        self._resets = own_metrics.counter(own_metrics.GUEST_RESETS, registry)
        self._dropped = ClosedCounter(registry, own_metrics.SERIES_DROPPED, drop_reasons)
        self._protocol_events = ClosedCounter(
            registry, own_metrics.PROTOCOL_EVENTS, protocol_events
        )
        self._suppressed = own_metrics.counter(own_metrics.LOG_LINES_SUPPRESSED, registry)
        self._http_requests = _HttpRequests(registry, http_handlers)
        self.discovery = DiscoveryMetrics(registry, resync_causes)
        add_process_metrics(registry)

    def count_rejected(self, reason: str, n: int = 1) -> None:
        """Count samples or texts of a guest that were refused."""
        self._rejected.inc(reason, n)

    def count_resets(self, n: int) -> None:
        """Count counters of guests that fell."""
        self._resets.inc(n)

    def count_dropped(self, reason: str, n: int) -> None:
        """Count series that were collected and not kept."""
        self._dropped.inc(reason, n)

    def count_protocol_event(self, event: str, n: int = 1) -> None:
        """Count what a connection reported."""
        self._protocol_events.inc(event, n)

    def count_suppressed_log_lines(self, n: int = 1) -> None:
        """Count log lines that were passed over; from any thread."""
        self._suppressed.inc(n)

    def count_http_request(self, handler: str, code: int) -> None:
        """Count an answered request; `handler` is a path, `code` an HTTP status."""
        self._http_requests.inc(handler, code)

    def observe_collection(self, seconds: float, result: str) -> None:
        """Take note of one sandbox's collection; `result` is a `Reason`."""
        self._collection_seconds.observe(seconds)
        self._collections.inc(result)

    def set_sandboxes(self, n: int) -> None:
        """Set how many sandboxes there are."""
        self._sandboxes.set(n)

    def set_config_loaded(self, *, successful: bool, time: float) -> None:
        """Take note of a load of the configuration, at `time` (seconds since 1970)."""
        self._config_successful.set(successful)
        if successful:
            self._config_success_time.set(time)

    def call_hook(self, clock: Clock) -> "DurationHook":
        """Return a hook that takes the time of each call on `clock`; long polls are left out."""
        return DurationHook(clock, self._calls)

    def oom_metrics(self, sources: Iterable[str], outcomes: Iterable[str]) -> OomMetrics:
        """Add the families of the accounting of OOMs; for one call."""
        return OomMetrics(self._registry, sources, outcomes)

    def cri_metrics(self, rejected_reasons: Iterable[str]) -> CriMetrics:
        """Add the families of CRI, which are absent where it is off; for one call."""
        return CriMetrics(self._registry, rejected_reasons)

    def containerd_metrics(
        self, topics: Iterable[str], ignored_reasons: Iterable[str]
    ) -> ContainerdMetrics:
        """Add the families of containerd's events, absent where they are off; for one call."""
        return ContainerdMetrics(self._registry, topics, ignored_reasons)

    def trace_metrics(self, outcomes: Iterable[str]) -> TraceMetrics:
        """Add the families of tracing, which are absent where it is off; for one call."""
        return TraceMetrics(self._registry, outcomes)

    def render(self, families: Collection[str] | None = None) -> bytes:
        """Render these families, or all, in the text format 0.0.4; from any thread."""
        if families is None:
            return generate_latest(self._registry)
        return generate_latest(_Chosen(self._registry, families))

    def render_openmetrics(self, families: Collection[str] | None = None) -> bytes:
        """Render them in OpenMetrics 1.0, calls with exemplars, and the page's end after them."""
        chosen = None if families is None else frozenset(families)
        shown = _Exemplified(self._registry, chosen, self.exemplars)
        page: bytes = openmetrics.generate_latest(shown)  # type: ignore[no-untyped-call]  # has no types
        return page

    def family_of(self) -> Mapping[str, str]:
        """Return the family of each name that a sample can have, and of each family itself.

        Families have the names of their TYPE lines.
        """
        names: dict[str, str] = {}
        for metric in self._registry.collect():
            family = _family_name(metric)
            suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ()
            names.update(dict.fromkeys([family, *(family + suffix for suffix in suffixes)], family))
        return names


class DurationHook:
    """Takes the time of calls."""

    def __init__(self, clock: Clock, durations: "_CallDurations") -> None:
        self._clock = clock
        self._durations = durations

    def started(self, info: CallInfo) -> CallWatch:
        """Start the time of a call."""
        if info.method in LONG_POLLS:
            return NO_WATCH
        return _DurationWatch(self._clock, self._durations, info.method)


class _DurationWatch(NoWatch):
    def __init__(self, clock: Clock, durations: "_CallDurations", method: str) -> None:
        self._clock = clock
        self._durations = durations
        self._method = method
        self._start = clock.monotonic()

    def ended(self, outcome: CallOutcome) -> None:
        seconds = self._clock.monotonic() - self._start
        self._durations.observe(self._method, outcome.code, seconds)


class _CallDurations:
    """The histogram of calls; methods are those of our own table, so they are a closed set."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = own_metrics.histogram(own_metrics.AGENT_CALL_DURATION, registry)
        self._codes = frozenset(STATUS_CODES)
        self._children: dict[tuple[str, str], Histogram] = {}

    def observe(self, method: str, code: str, seconds: float) -> None:
        key = (method, code if code in self._codes else OTHER)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._histogram.labels(*key)
        child.observe(seconds)


class _HttpRequests:
    """The counter of requests; paths that aren't ours, and codes that are none, are `OTHER`."""

    def __init__(self, registry: CollectorRegistry, handlers: Iterable[str]) -> None:
        self._counter = own_metrics.counter(own_metrics.HTTP_REQUESTS, registry)
        self._handlers = frozenset(handlers)
        self._children: dict[tuple[str, int], Counter] = {}
        for handler in sorted(self._handlers):
            for code in _USUAL_HTTP_CODES:
                self._child(handler, code)

    def inc(self, handler: str, code: int) -> None:
        self._child(
            handler if handler in self._handlers else OTHER, code if code in _HTTP_CODES else 0
        ).inc()

    def _child(self, handler: str, code: int) -> Counter:
        child = self._children.get((handler, code))
        if child is None:
            child = self._counter.labels(handler, str(code) if code else OTHER)
            self._children[handler, code] = child
        return child


class _Registry(CollectorRegistry):
    """A registry whose counters and histograms have no ``_created`` series.

    prometheus-client can leave them out itself, but only by a switch for the whole process.
    """

    def collect(self) -> Iterable[Metric]:
        for metric in super().collect():
            if metric.type in {"counter", "histogram"}:
                metric.samples = [s for s in metric.samples if s.name != f"{metric.name}_created"]
            yield metric


class _Chosen(Collector):
    """Families of a registry, by the names of their TYPE lines."""

    def __init__(self, registry: CollectorRegistry, families: Collection[str]) -> None:
        self._registry = registry
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return (m for m in self._registry.collect() if _family_name(m) in self._families)


class _Exemplified(Collector):
    """Families of a registry, or all, with exemplars."""

    def __init__(
        self,
        registry: CollectorRegistry,
        families: Collection[str] | None,
        exemplars: CallExemplars,
    ) -> None:
        self._registry = registry
        self._families = families
        self._exemplars = exemplars

    def collect(self) -> Iterable[Metric]:
        chosen = (
            metric
            for metric in self._registry.collect()
            if self._families is None or _family_name(metric) in self._families
        )
        return self._exemplars.add_to(chosen)


def _family_name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _add_build_info(registry: CollectorRegistry) -> None:
    info = own_metrics.gauge(own_metrics.BUILD_INFO, registry)
    info.labels(__version__, platform.python_version()).set(1)
