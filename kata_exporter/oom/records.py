"""Records of what the ledger publishes; the guest's own count is ``guest.families.vmstat.OOM_KILLS``."""

from kata_exporter.metrics import Metric, MetricType, Scope

_CONTAINER = ("container",)

OOM_EVENTS = Metric(
    name="kata_container_oom_events_total",
    help="OOM events that a runtime or an agent reported of the container, over its restarts: no"
    " more than one a start on cgroup v2, and a lower bound of the kills.",
    type=MetricType.COUNTER,
    scope=Scope.SANDBOX,
    labels=_CONTAINER,
    source="containerd /tasks/oom, CRI ContainerStatus, CRI-O's file oom, or GetOOMEvent",
)
OOM_KILLS_INFERRED = Metric(
    name="kata_container_oom_kills_inferred_total",
    help="OOM kills that the guest's kernel counted, no event named, and only this container can"
    " have caused: an estimate, over its restarts; never to be added to the reported ones.",
    type=MetricType.COUNTER,
    scope=Scope.SANDBOX,
    labels=_CONTAINER,
    source="GetMetrics: /proc/vmstat, in the guest, and StatsContainer",
)
LAST_OOM_TIMESTAMP = Metric(
    name="kata_container_last_oom_timestamp_seconds",
    help="When the container last ran out of memory, as it was reported.",
    type=MetricType.GAUGE,
    scope=Scope.SANDBOX,
    labels=_CONTAINER,
    unit="seconds",
    source="as kata_container_oom_events_total",
)
VMM_OOM_KILLS = Metric(
    name="kata_sandbox_vmm_oom_kills_total",
    help="How often the host's kernel killed the sandbox's VMM for want of memory on the host.",
    type=MetricType.COUNTER,
    scope=Scope.SANDBOX,
    source="the host",
)
OOM_SOURCE = Metric(
    name="kata_sandbox_oom_source",
    help="Always 1; which sources see OOMs of this sandbox now.",
    type=MetricType.GAUGE,
    scope=Scope.SANDBOX,
    labels=("source",),
    source="the exporter",
)

OOM_METRICS = (
    OOM_EVENTS,
    OOM_KILLS_INFERRED,
    LAST_OOM_TIMESTAMP,
    VMM_OOM_KILLS,
    OOM_SOURCE,
)
"""In the order in which they are published."""
