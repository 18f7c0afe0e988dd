"""A selection takes chunks as they are, by sandbox, collector and metric."""

import pytest

from kata_exporter.errors import Reason
from kata_exporter.exposition import EVERYTHING, Selection, select
from kata_exporter.metrics import Chunk, Metric, MetricType, Scope, Shape
from kata_exporter.model import Sandbox
from kata_exporter.snapshot import SandboxView

UP = Metric("kata_sandbox_up", "Up.", MetricType.GAUGE, Scope.SANDBOX)
LOAD = Metric("kata_guest_load1", "Load.", MetricType.GAUGE, Scope.SANDBOX)
USAGE = Metric("kata_container_memory_usage_bytes", "Usage.", MetricType.GAUGE, Scope.CONTAINER)


def chunk(metric: Metric) -> Chunk:
    return Shape(metric, (f"{metric.name} ",)).chunk(["1"])


VIEWS = [
    SandboxView(
        Sandbox(sandbox_id, 1, "unix:///a"),
        up=True,
        reason=Reason.OK,
        host=(chunk(UP),),
        parts={"guest_metrics": (chunk(LOAD),), "container_stats": (chunk(USAGE),)},
    )
    for sandbox_id in ("box-a", "box-b")
]


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (EVERYTHING, [UP, LOAD, USAGE] * 2),
        (Selection(sandboxes=of("box-b")), [UP, LOAD, USAGE]),
        (Selection(collectors=of("container_stats")), [UP, USAGE] * 2),
        (Selection(collectors=of()), [UP] * 2),
        (Selection(metrics=of(LOAD.name)), [LOAD] * 2),
        (Selection(metrics=of(UP.name, USAGE.name), sandboxes=of("box-a")), [UP, USAGE]),
        (Selection(of("guest_metrics"), of(USAGE.name)), []),
    ],
)
def test_each_narrows_what_the_others_leave(selection: Selection, chosen: list[Metric]) -> None:
    chunks = list(select(VIEWS, selection))

    assert [c.metric.name for c in chunks] == [metric.name for metric in chosen]
    ours = [c for view in VIEWS for c in view.chunks]
    assert all(any(c is own for own in ours) for c in chunks)
