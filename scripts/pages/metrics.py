"""The metrics, from their records."""

from collections.abc import Iterator

from kata_exporter.collectors.containers.faults import FAULTS, Fault
from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.discovery.containerd import TOPICS, IgnoredEvent
from kata_exporter.discovery.cri import RejectedPod
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.schema import GUEST_METRICS
from kata_exporter.metrics import Metric
from kata_exporter.snapshot import SANDBOX_METRICS, DropReason
from kata_exporter.telemetry.selfmetrics import SelfMetrics
from pages.markdown import cell, table

INTRODUCTION = """\
# Metrics

Generated from the records in the code by `make docs`; a check keeps it so.

Labels of identity come first and from the host only. *S* stands for `sandbox_id`, `namespace` and \
`pod`, which are there even when empty; *C* for these, `container` and `container_id`. What a guest \
doesn't have, or what its agent can't say rightly, is absent and never 0. Agents are asked in the \
background every `collection.interval`, not by the scrape; \
`kata_sandbox_last_collection_timestamp_seconds` tells how old an answer is.
"""

SECTIONS = (
    ("Sandboxes", "What the host knows, whether the guest answers or not.", SANDBOX_METRICS),
    (
        "Guests",
        (
            "What the agent says of its guest's /proc, under node_exporter's names with the prefix "
            "swapped. Only what stands here passes; the rest is dropped and counted."
        ),
        GUEST_METRICS,
    ),
    (
        "Containers",
        (
            "What the agent says of a container's cgroup, under cAdvisor's names with the prefix "
            "swapped."
        ),
        CONTAINER_METRICS,
    ),
)

FAULTS_INTRODUCTION = (
    "Repaired by the version that an agent gives of itself, and by the guest's cgroup version. Where "
    "a 0 is withheld, any other value is published."
)

_HEAD = ("metric", "type", "labels", "help", "source", "stability")
_FAULTS_HEAD = ("what an agent sends", "agents", "cgroup", "metrics", "what is done", "see")


def page() -> str:
    """Render the page."""
    parts = [INTRODUCTION]
    for title, introduction, metrics in SECTIONS:
        parts.append(f"\n## {title}\n\n{introduction}\n\n")
        parts.extend(table(_HEAD, map(_row, metrics)))
    parts.append(f"\n### What agents send wrongly\n\n{FAULTS_INTRODUCTION}\n\n")
    parts.extend(table(_FAULTS_HEAD, map(_fault_row, FAULTS)))
    parts.append("\n## The exporter itself\n\n")
    parts.append(
        "`process_*` and `python_*` have the names that every Python process gives them.\n"
    )
    parts.append("\n")
    parts.extend(table(("metric", "type", "help"), _own_rows()))
    return "".join(parts)


def _row(metric: Metric) -> tuple[str, ...]:
    more = [f"{metric.open_labels}*"] if metric.open_labels else []
    own = (f"`{label}`" for label in (*metric.labels, *more))
    labels = ", ".join([metric.scope[0].upper(), *own])
    return (
        f"`{metric.name}`",
        metric.type,
        labels,
        cell(metric.help),
        cell(metric.source),
        metric.stability,
    )


def _fault_row(fault: Fault) -> tuple[str, ...]:
    before = "all so far" if fault.before is None else f"before {'.'.join(map(str, fault.before))}"
    return (
        cell(fault.what),
        before,
        "v1, v2" if fault.cgroup is None else fault.cgroup.name.lower(),
        ", ".join(f"`{metric.name}`" for metric in fault.metrics),
        fault.treatment,
        f"<{fault.link}>",
    )


def _own_rows() -> Iterator[tuple[str, ...]]:
    families: dict[str, list[str]] = {}
    for line in _own_families().splitlines():
        kind, _, rest = line.removeprefix("# ").partition(" ")
        name, _, text = rest.partition(" ")
        if line.startswith("# ") and name.startswith("kata_exporter_"):
            families.setdefault(name, []).append(text if kind == "TYPE" else cell(text))
    for name, (help_text, metric_type) in sorted(families.items()):
        yield f"`{name}`", metric_type, help_text


def _own_families() -> str:
    own = SelfMetrics(RejectReason, drop_reasons=DropReason)
    own.cri_metrics(RejectedPod).listed(0.0)
    own.containerd_metrics(TOPICS, IgnoredEvent)
    return own.render().decode()
