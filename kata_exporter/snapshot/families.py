"""Metric records of what is known of a sandbox, whether its guest answers or not."""

from kata_exporter.metrics import Metric, MetricType, Scope

UP = Metric(
    "kata_sandbox_up",
    "Whether the last attempt to ask the sandbox's agent got an answer; a denial by the guest's "
    "policy is one.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    source="the exporter",
)
STATE = Metric(
    "kata_sandbox_state",
    "State of the sandbox: one sample, whose reason says why it answers or is silent.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    labels=("reason",),
    source="the exporter",
)
COLLECTOR_SUCCESS = Metric(
    "kata_sandbox_collector_success",
    "Whether the collector's last attempt on this sandbox succeeded.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    labels=("collector",),
    source="the exporter",
)
LAST_COLLECTION = Metric(
    "kata_sandbox_last_collection_timestamp_seconds",
    "When the collector last succeeded on this sandbox. Agents are asked in the background, every "
    "collection.interval, not by the scrape: this is the age of what the page shows.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    labels=("collector",),
    unit="seconds",
    source="the exporter",
)
CONTAINERS = Metric(
    "kata_sandbox_containers",
    "Containers known in the sandbox, without its pause container. One that has exited counts for as "
    "long as the runtime lists it.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    source="discovery",
)
INFO = Metric(
    "kata_sandbox_info",
    "What the host knows of the sandbox; always 1.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    labels=("uid", "runtime", "runtime_handler", "transport"),
    source="discovery",
)
LABELS = Metric(
    "kata_sandbox_labels",
    "Labels of the sandbox's pod, those that cri.pod_labels allows; always 1.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    open_labels="label_",
    source="CRI",
)
AGENT_INFO = Metric(
    "kata_agent_info",
    "Version that the sandbox's agent gives of itself; always 1.",
    MetricType.GAUGE,
    Scope.SANDBOX,
    labels=("version",),
    source="Health/Version",
)
CONTAINER_INFO = Metric(
    "kata_container_info",
    "What the host knows of the container; always 1. One that has exited has it for as long as the "
    "runtime lists it, beside the one that took its place.",
    MetricType.GAUGE,
    Scope.CONTAINER,
    labels=("image",),
    source="discovery",
)

SANDBOX_METRICS = (
    UP,
    STATE,
    COLLECTOR_SUCCESS,
    LAST_COLLECTION,
    CONTAINERS,
    INFO,
    LABELS,
    AGENT_INFO,
    CONTAINER_INFO,
)
