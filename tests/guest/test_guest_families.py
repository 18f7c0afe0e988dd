"""Every family and item that agents send is a metric, or is left out for a reason that is given."""

import re
from pathlib import Path

import pytest

from agent_families import AGENT_FAMILIES, heads
from fake_clock import FakeClock
from kata_exporter.guest.families.left_out import LEFT_OUT, left_out, reasons
from kata_exporter.guest.families.vmstat import VMSTAT
from kata_exporter.guest.family import Target
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.scanner import split_values
from kata_exporter.guest.schema import schema_for
from kata_exporter.simulator import CgroupVersion, SimulatedGuest
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.agent.versions import Release
from raw_sample import parsed, published, resolved

VERSIONS = (
    "2.0.0", "2.3.3", "2.4.0", "2.4.3", "2.5.0", "3.0.2", "3.1.0", "3.2.0", "3.3.0", "3.31.0",
    "3.32.0", "4.0.0", "4.1.0",
)  # fmt: skip
"""Each release at which something changed, and the one before it."""
NODE_EXPORTER_FIELDS = re.compile(r"^(oom_kill|pgpg|pswp|pg.*fault).*")
"""The default of node_exporter's ``--collector.vmstat.fields``."""
UNCOUNTED = "kata_agent_threads"


def _capture_heads(data: Path) -> list[str]:
    found: dict[str, None] = {}
    for path in sorted(data.glob("*/getmetrics*.txt")):
        skeleton, _ = split_values(path.read_text())
        found.update(dict.fromkeys(piece.rpartition("\n")[2] for piece in skeleton[:-1]))
    return list(found)


def _has_a_reason(head: str) -> bool:
    family, labels = parsed(head)
    if family == "kata_guest_vm_stat":
        return not NODE_EXPORTER_FIELDS.match(labels["item"])
    keys = {(family, "", "")} | {(family, label, value) for label, value in labels.items()}
    return bool(keys & reasons().keys())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_agent_sends_is_a_metric_or_left_out_with_a_reason(version: str) -> None:
    for head in heads(version):
        where = resolved(head, version)
        assert not isinstance(where, RejectReason), head
        withheld = head == UNCOUNTED and version in {"3.1.0", "3.2.0"}
        assert (where is None) == (withheld or _has_a_reason(head)), head


def test_what_is_in_the_captures_is_a_metric_or_left_out_with_a_reason(data: Path) -> None:
    found = _capture_heads(data)

    assert len(found) > 500
    for head in found:
        where = resolved(head)
        assert not isinstance(where, RejectReason), head
        assert (where is None) == _has_a_reason(head), head


def test_the_captures_have_no_family_or_item_that_the_list_of_agents_lacks(data: Path) -> None:
    for head in _capture_heads(data):
        family, labels = parsed(head)
        sent = AGENT_FAMILIES[family]
        assert set(labels) == {*sent.labels, *(["item"] if sent.items else [])}
        if family != "kata_guest_vm_stat" and sent.items:
            assert labels["item"] in sent.items, head


@pytest.mark.parametrize(("family", "label", "value"), reasons())
def test_what_is_left_out_is_something_that_agents_send(
    family: str, label: str, value: str
) -> None:
    sent = AGENT_FAMILIES[family]

    if label == "item":
        assert value in sent.items
    elif label:
        assert label in sent.labels
    else:
        assert not sent.items


def test_nothing_is_left_out_twice() -> None:
    assert len(reasons()) == sum(len(part.values) or 1 for part in LEFT_OUT)
    assert all(part.reason for part in LEFT_OUT)
    assert left_out("kata_guest_meminfo") >= {"high_total", "nfs_unstable"}
    assert left_out("kata_guest_load") == frozenset()


def test_of_vmstat_those_fields_are_taken_that_node_exporter_takes_by_default(data: Path) -> None:
    fields = {
        parsed(head).labels["item"]
        for head in _capture_heads(data)
        if head.startswith("kata_guest_vm_stat")
    }

    assert len(fields) > 180
    assert set(VMSTAT.items) == {field for field in fields if NODE_EXPORTER_FIELDS.match(field)}


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_a_simulated_agent_says_is_rejected(version: str) -> None:
    text = metrics_text(
        SimulatedGuest(
            FakeClock(), sandbox_id="demo-1", container_ids=["c1"], cgroup=CgroupVersion.V2, seed=1
        ).state(),
        scrapes=1,
        release=Release.parse(version),
    )

    reading = GuestReader("", schema_for(version), layouts=LayoutCache()).read(text, 0.0)

    assert reading.rejected == {}


@pytest.mark.parametrize(
    ("version", "head", "line"),
    [
        ("2.3.3", "kata_agent_threads", "unknown_family"),
        ("2.4.0", "process_threads", "kata_guest_agent_threads{} 7"),
        ("3.0.2", "process_threads", "kata_guest_agent_threads{} 7"),
        ("3.1.0", "kata_agent_threads", "None"),
        ("3.2.0", "kata_agent_threads", "None"),
        ("3.3.0", "kata_agent_threads", "kata_guest_agent_threads{} 7"),
        ("4.1.0", "process_threads", "unknown_family"),
    ],
)
def test_threads_of_the_agent_are_those_that_it_counts(version: str, head: str, line: str) -> None:
    assert published(head, "7", version) == line


@pytest.mark.parametrize("version", ["2.3.3", "3.1.0", "3.2.0"])
def test_agents_that_count_no_threads_have_no_such_metric(version: str) -> None:
    targets = [resolved(head, version) for head in heads(version)]

    names = {target.metric.name for target in targets if isinstance(target, Target)}
    assert "kata_guest_agent_resident_memory_bytes" in names
    assert "kata_guest_agent_threads" not in names
