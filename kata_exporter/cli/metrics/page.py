"""The catalogue as Markdown, for people: docs/metrics.md."""

from collections.abc import Iterator

from kata_exporter.catalog import Section, sections
from kata_exporter.cli.markdown import cell, table
from kata_exporter.collectors.containers.faults import FAULTS, Fault
from kata_exporter.guest.families.left_out import LEFT_OUT, LeftOut
from kata_exporter.guest.families.vmstat import VMSTAT
from kata_exporter.metrics import Metric, Scope

INTRODUCTION = """\
# Metrics

What `kata-exporter metrics` prints, from the records in the code; with `--format json` it is an array \
for programs.

Labels of identity come first and from the host only. *S* stands for `sandbox_id`, `namespace` and \
`pod`, which are there even when empty; *C* for these, `container` and `container_id`. What a guest \
doesn't have, or what its agent can't say rightly, is absent and never 0. Agents are asked in the \
background every `collection.interval`, not by the scrape; \
`kata_sandbox_last_collection_timestamp_seconds` tells how old an answer is.
"""

LEFT_OUT_INTRODUCTION = "What agents say of their guests and no metric is made of."

FAULTS_INTRODUCTION = """\
What agents say wrongly of containers. Repaired by the version that an agent gives of itself, and by \
the guest's cgroup version. Where a 0 is withheld, any other value is published."""

_HEAD = ("metric", "type", "labels", "unit", "help", "source", "stability")
_LEFT_OUT_HEAD = ("the agent's family", "of it", "why")
_FAULTS_HEAD = ("what an agent sends", "agents", "cgroup", "metrics", "what is done", "see")
_SCOPES = {Scope.SANDBOX: ("S",), Scope.CONTAINER: ("C",), Scope.EXPORTER: ()}


def markdown() -> str:
    """Render the page."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield INTRODUCTION
    for section in sections():
        yield from _section(section)
    yield f"\n## What is left out\n\n{LEFT_OUT_INTRODUCTION}\n\n"
    yield from table(_LEFT_OUT_HEAD, _left_out_rows())
    yield f"\n## What agents send wrongly\n\n{FAULTS_INTRODUCTION}\n\n"
    yield from table(_FAULTS_HEAD, map(_fault_row, FAULTS))


def _section(section: Section) -> Iterator[str]:
    yield f"\n## {section.title}\n\n{section.introduction}\n\n"
    yield from table(_HEAD, map(_row, section.metrics))


def _row(metric: Metric) -> tuple[str, ...]:
    more = [f"{metric.open_labels}*"] if metric.open_labels else []
    own = (f"`{label}`" for label in (*metric.labels, *more))
    return (
        f"`{metric.name}`",
        metric.type,
        ", ".join([*_SCOPES[metric.scope], *own]),
        metric.unit,
        cell(metric.help),
        cell(metric.source),
        metric.stability,
    )


def _left_out_rows() -> Iterator[tuple[str, ...]]:
    for part in LEFT_OUT:
        yield f"`{part.family}`", _values(part), cell(part.reason)
    taken = ", ".join(f"`{item}`" for item in VMSTAT.items)
    yield f"`{VMSTAT.name}`", f"all but {taken}", "node_exporter doesn't take it by default either"


def _values(part: LeftOut) -> str:
    if not part.values:
        return "all"
    return f"{part.label} " + ", ".join(f"`{value}`" for value in sorted(part.values))


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
