"""Records of the exporter's own metrics, ``kata_exporter_*``, and the families made of them.

Records are what is documented; prometheus-client, which keeps the values, is given name, help and
labels from here.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kata_exporter.metrics import Metric, MetricType, Scope

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds, as the semantic conventions have them for ``rpc.client.call.duration``."""


def gauge(metric: Metric, registry: CollectorRegistry) -> Gauge:
    """Register a gauge."""
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """Register a counter."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """Register a histogram of `DURATION_BUCKETS`."""
    return Histogram(
        metric.name, metric.help, metric.labels, buckets=DURATION_BUCKETS, registry=registry
    )


def _own(
    name: str,
    type_: MetricType,
    help_text: str,
    source: str,
    labels: tuple[str, ...] = (),
) -> Metric:
    return Metric(
        name=f"kata_exporter_{name}",
        help=help_text,
        type=type_,
        scope=Scope.EXPORTER,
        labels=labels,
        unit="seconds" if name.endswith("_seconds") else "",
        source=source,
    )


BUILD_INFO = _own(
    "build_info",
    MetricType.GAUGE,
    "Always 1; labels tell which exporter this is, and what runs it.",
    "the exporter",
    ("version", "python_version"),
)
AGENT_CALL_DURATION = _own(
    "agent_call_duration_seconds",
    MetricType.HISTOGRAM,
    "Time that calls to agents took, connecting included, by method and status code.",
    "calls to agents",
    ("method", "code"),
)
COLLECTION_DURATION = _own(
    "collection_duration_seconds",
    MetricType.HISTOGRAM,
    "Time that one collection of one sandbox took, all its calls included.",
    "collections",
)
COLLECTIONS = _own(
    "collections_total",
    MetricType.COUNTER,
    "Collections of a sandbox, by the reason they ended with.",
    "collections",
    ("result",),
)
SANDBOXES = _own(
    "sandboxes",
    MetricType.GAUGE,
    "Sandboxes that the registry knows.",
    "the registry",
)
CONFIG_SUCCESSFUL = _own(
    "config_last_reload_successful",
    MetricType.GAUGE,
    "Whether the configuration could be used when it was last loaded; if not, the one before"
    " holds.",
    "the configuration",
)
CONFIG_SUCCESS_TIME = _own(
    "config_last_reload_success_timestamp_seconds",
    MetricType.GAUGE,
    "When a configuration was last loaded that could be used; the start counts.",
    "the configuration",
)
REJECTED = _own(
    "rejected_total",
    MetricType.COUNTER,
    "Samples and texts of guests that were refused, by reason.",
    "answers of agents",
    ("reason",),
)
GUEST_RESETS = _own(
    "guest_resets_total",
    MetricType.COUNTER,
    "Counters of guests that fell and were taken as reset, as when a device is replaced.",
    "answers of agents",
)
OOM_SOURCE_UP = _own(
    "oom_source_up",
    MetricType.GAUGE,
    "Whether a source of OOMs is there now: what kata_sandbox_oom_source says of each sandbox.",
    "the accounting of OOMs",
    ("source",),
)
OOM_EVENTS = _own(
    "oom_events_total",
    MetricType.COUNTER,
    "What sources told of OOMs, and what became of it.",
    "the accounting of OOMs",
    ("source", "outcome"),
)
SERIES_DROPPED = _own(
    "series_dropped_total",
    MetricType.COUNTER,
    "Series that were collected and not kept, each time anew: by metrics.allow and"
    " metrics.deny, or since there would be too many.",
    "collections",
    ("reason",),
)
PROTOCOL_EVENTS = _own(
    "protocol_events_total",
    MetricType.COUNTER,
    "Answers of agents that nobody waited for, and rules of the wire that agents broke.",
    "connections to agents",
    ("event",),
)
LOG_LINES_SUPPRESSED = _own(
    "log_lines_suppressed_total",
    MetricType.COUNTER,
    "Log lines that were passed over, since one on the same matter was just written.",
    "the log",
)
HTTP_REQUESTS = _own(
    "http_requests_total",
    MetricType.COUNTER,
    "HTTP requests that were answered, by path and status code.",
    "the web server",
    ("handler", "code"),
)
TRACE_SPANS = _own(
    "trace_spans_total",
    MetricType.COUNTER,
    "Spans that have ended, by what became of them. not_sampled and over_limit are as configured;"
    " queue_full and failed are lost since the collector is slow or away.",
    "tracing",
    ("outcome",),
)
TRACE_QUEUE = _own(
    "trace_queue_spans",
    MetricType.GAUGE,
    "Spans that wait to be exported; OTEL_BSP_MAX_QUEUE_SIZE bounds them.",
    "tracing",
)
TRACE_EXPORT_DURATION = _own(
    "trace_export_duration_seconds",
    MetricType.HISTOGRAM,
    "Time that it took to hand a batch of spans to a collector, or to give up, retries included.",
    "tracing",
)
DIRECTORY_PRESENT = _own(
    "discovery_directory_present",
    MetricType.GAUGE,
    "Whether a directory that is watched for sandboxes is there. 0 where no runtime has made"
    " it yet; if the node has it, mount it into the container. 0 too where it was removed: a"
    " mount of it doesn't follow where it is made again, one of the folder above does.",
    "directories of shims",
    ("directory",),
)
INOTIFY = _own(
    "discovery_inotify",
    MetricType.GAUGE,
    "Whether the kernel tells of changes in a directory; 0 where it is polled twice a second,"
    " or isn't there. Where it is there: raise fs.inotify.max_user_instances or"
    " fs.inotify.max_user_watches, or the limit of open files.",
    "directories of shims",
    ("directory",),
)
RESYNCS = _own(
    "discovery_resyncs_total",
    MetricType.COUNTER,
    "Times that a directory was looked through as a whole, by cause. Nothing is missed by an"
    " overflow; if there are many, raise fs.inotify.max_queued_events.",
    "directories of shims",
    ("cause",),
)
SHIM_REQUESTS = _own(
    "discovery_shim_requests_total",
    MetricType.COUNTER,
    "Questions to shims for their agents' addresses, by result. Of the sandbox,"
    " kata_sandbox_state says the same, and the log says more.",
    "calls to shims",
    ("result",),
)
DISCOVERED = _own(
    "discovery_sandboxes",
    MetricType.GAUGE,
    "Sandboxes that a source of discovery sees; one may be seen by several. 0 on a node that"
    " runs some: see kata_exporter_discovery_directory_present.",
    "discovery",
    ("source",),
)
CRI_STALE = _own(
    "cri_stale",
    MetricType.GAUGE,
    "Whether CRI didn't answer when it was last asked: what it said before is kept, however"
    " old. 1 until it has answered once.",
    "calls to CRI",
)
CRI_LAST_SUCCESS = _own(
    "cri_last_success_timestamp_seconds",
    MetricType.GAUGE,
    "When CRI last answered with all that it has; absent until it has once.",
    "calls to CRI",
)
CRI_ERRORS = _own(
    "cri_errors_total",
    MetricType.COUNTER,
    "Calls to CRI that failed, by gRPC status; that it has no events is no failure.",
    "calls to CRI",
    ("code",),
)
CRI_REJECTED = _own(
    "cri_rejected_total",
    MetricType.COUNTER,
    "Sandboxes and containers that CRI listed and that were passed over, counted anew in each"
    " listing, by reason.",
    "answers of CRI",
    ("reason",),
)
CONTAINERD_SUBSCRIBED = _own(
    "containerd_subscribed",
    MetricType.GAUGE,
    "Whether containerd's events are heard; those of the time when they aren't are lost. 0"
    " too where there is no containerd.",
    "containerd's events",
)
CONTAINERD_INTERRUPTIONS = _own(
    "containerd_interruptions_total",
    MetricType.COUNTER,
    "Subscriptions to containerd's events that broke; each may have lost events.",
    "containerd's events",
)
CONTAINERD_ERRORS = _own(
    "containerd_errors_total",
    MetricType.COUNTER,
    "Subscriptions to containerd's events that failed or broke, by gRPC status.",
    "containerd's events",
    ("code",),
)
CONTAINERD_EVENTS = _own(
    "containerd_events_total",
    MetricType.COUNTER,
    "Events of containerd that were heard and used, by topic.",
    "containerd's events",
    ("topic",),
)
CONTAINERD_IGNORED = _own(
    "containerd_events_ignored_total",
    MetricType.COUNTER,
    "Events of containerd that were passed over, by reason.",
    "containerd's events",
    ("reason",),
)

OWN_METRICS: tuple[Metric, ...] = (
    BUILD_INFO,
    AGENT_CALL_DURATION,
    COLLECTION_DURATION,
    COLLECTIONS,
    SANDBOXES,
    CONFIG_SUCCESSFUL,
    CONFIG_SUCCESS_TIME,
    REJECTED,
    GUEST_RESETS,
    OOM_SOURCE_UP,
    OOM_EVENTS,
    SERIES_DROPPED,
    PROTOCOL_EVENTS,
    LOG_LINES_SUPPRESSED,
    HTTP_REQUESTS,
    TRACE_SPANS,
    TRACE_QUEUE,
    TRACE_EXPORT_DURATION,
    DIRECTORY_PRESENT,
    INOTIFY,
    RESYNCS,
    SHIM_REQUESTS,
    DISCOVERED,
    CRI_STALE,
    CRI_LAST_SUCCESS,
    CRI_ERRORS,
    CRI_REJECTED,
    CONTAINERD_SUBSCRIBED,
    CONTAINERD_INTERRUPTIONS,
    CONTAINERD_ERRORS,
    CONTAINERD_EVENTS,
    CONTAINERD_IGNORED,
)
"""Every metric of the exporter's own, in the order in which they are documented."""
