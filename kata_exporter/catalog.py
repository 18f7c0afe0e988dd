"""Every metric that can stand on a page: the records of all parts, in the order of the documentation."""

from dataclasses import dataclass

from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.guest.schema import GUEST_METRICS
from kata_exporter.metrics import Metric
from kata_exporter.oom import OOM_METRICS
from kata_exporter.snapshot import SANDBOX_METRICS
from kata_exporter.telemetry.own_metrics import OWN_METRICS
from kata_exporter.telemetry.process_metrics import process_metrics

METRICS_OF_SANDBOXES: tuple[Metric, ...] = (
    *SANDBOX_METRICS,
    *GUEST_METRICS,
    *CONTAINER_METRICS,
    *OOM_METRICS,
)
"""All but the exporter's own."""


@dataclass(frozen=True, slots=True)
class Section:
    """Metrics of one kind."""

    title: str
    introduction: str
    metrics: tuple[Metric, ...]


def sections() -> tuple[Section, ...]:
    """Return the catalogue in sections."""
    return (
        Section(
            "Sandboxes",
            "What the host knows, whether the guest answers or not.",
            SANDBOX_METRICS,
        ),
        Section(
            "Guests",
            "What the agent says of its guest's /proc, under node_exporter's names with the prefix "
            "swapped. Only what stands here passes; the rest is dropped and counted.",
            GUEST_METRICS,
        ),
        Section(
            "Containers",
            "What the agent says of a container's cgroup, under cAdvisor's names with the prefix "
            "swapped.",
            CONTAINER_METRICS,
        ),
        Section(
            "OOM kills",
            "What was reported of containers, and what can be inferred; `kata_guest_oom_kills_total` "
            "is the guest kernel's own count. The three count different things and are never to be "
            "added. They are kept for `oom.retention` after a sandbox has gone, and a counter of 0 "
            "is there only while `kata_sandbox_oom_source` has a source that could see its kind.",
            OOM_METRICS,
        ),
        Section(
            "The exporter itself",
            "A histogram has series `_bucket`, `_sum` and `_count`. `process_*` and `python_*` have "
            "the names that every Python process gives them.",
            (*OWN_METRICS, *process_metrics()),
        ),
    )


def all_metrics() -> tuple[Metric, ...]:
    """Return the catalogue as a whole."""
    return tuple(metric for section in sections() for metric in section.metrics)
