"""What agents send wrongly is a record each; every one of them does what it says."""

import pytest

from container_page import IDENTITY
from kata_exporter.agent.types import (
    BlkioEntry,
    ContainerStats,
    CpuStats,
    HugetlbStats,
    MemoryStats,
    MemoryUsage,
    PidsStats,
)
from kata_exporter.collectors.containers import faults, reader
from kata_exporter.collectors.containers.cgroup import CgroupVersion, cgroup_version
from kata_exporter.collectors.containers.faults import FAULTS, Fault, Treatment, faults_of
from kata_exporter.metrics import Metric

V1, V2 = CgroupVersion

FAULTY = ContainerStats(
    cpu=CpuStats(0, 0, 0, (), 5, 4, 0),
    memory=MemoryStats(
        cache_bytes=0,
        use_hierarchy=False,
        usage=MemoryUsage(4096, 0, 0, 2**64 - 1),
        swap=None,
        kernel=None,
        stat={"anon": 1, "file": 2},
    ),
    pids=PidsStats(1, 0),
    io_service_bytes=tuple(BlkioEntry(254, 0, op, 0) for op in ("read", "write", "rios", "wios")),
    hugetlb={"2MB": HugetlbStats(0, 0, 0)},
)
"""All that an agent of old sends wrongly on cgroup v2."""
IN_MICROSECONDS = ContainerStats(cpu=CpuStats(3, 2, 1, (), None, None, None))
MOVED = ContainerStats(
    io_service_bytes=tuple(BlkioEntry(254, 0, op, 9) for op in ("read", "write", "rios", "wios"))
)
SHOWING = {
    faults.CPU_IN_MICROSECONDS: IN_MICROSECONDS,
    faults.OPERATIONS_AMONG_BYTES: MOVED,
}


def _values(
    stats: ContainerStats, without: Fault | None, monkeypatch: pytest.MonkeyPatch
) -> dict[Metric, tuple[str, ...]]:
    monkeypatch.setattr(reader, "faults_of", lambda *about: faults_of(*about) - {without})
    reading = reader.ContainerReader(IDENTITY, "2.0.0").read(stats, 0.0)
    return {chunk.metric: chunk.values for chunk in reading.chunks}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.what for fault in FAULTS])
def test_without_its_record_the_metrics_would_be_wrong(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = SHOWING.get(fault, FAULTY)
    assert cgroup_version(stats) is V2

    repaired = _values(stats, None, monkeypatch)
    wrong = _values(stats, fault, monkeypatch)

    differing = {m for m in repaired | wrong if repaired.get(m) != wrong.get(m)}
    assert differing == set(fault.metrics)
    if fault.treatment in (Treatment.WITHHELD, Treatment.ABSENT):
        assert not differing & set(repaired)
    else:
        assert differing <= set(repaired)


@pytest.mark.parametrize(
    ("fault", "version", "cgroup", "holds"),
    [
        (faults.CPU_IN_MICROSECONDS, "3.8.9", V2, True),
        (faults.CPU_IN_MICROSECONDS, "3.9.0", V2, False),
        (faults.CPU_IN_MICROSECONDS, "3.8.9", V1, False),
        (faults.CPU_IN_MICROSECONDS, "", V2, False),
        (faults.CPU_NOT_READ, "3.0.2", V2, True),
        (faults.CPU_NOT_READ, "3.1.0", V2, False),
        (faults.THROTTLED_TIME_NOT_READ, "4.1.0", V2, True),
        (faults.THROTTLED_TIME_NOT_READ, "4.1.0", V1, False),
        (faults.BLOCK_IO_NOT_READ, "4.1.0", V2, True),
        (faults.BLOCK_IO_NOT_READ, "no version", V2, True),
        (faults.BLOCK_IO_NOT_READ, "4.1.0", V1, False),
        (faults.NO_MEMORY_LIMIT, "4.1.0", V1, True),
        (faults.NO_MEMORY_LIMIT, "4.1.0", V2, True),
        (faults.NO_TASK_LIMIT, "2.0.0", V1, True),
    ],
)
def test_fault_holds_for_its_releases_and_cgroup_version(
    fault: Fault, version: str, cgroup: CgroupVersion, *, holds: bool
) -> None:
    assert fault.holds(version, cgroup) is holds
    assert (fault in faults_of(version, cgroup)) is holds


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.what for fault in FAULTS])
def test_record_says_where_to_read_more(fault: Fault) -> None:
    assert fault.link.startswith(
        ("https://github.com/kata-containers/", "https://docs.kernel.org/")
    )
    assert fault.metrics
    assert fault.what.endswith(".")


def test_what_is_withheld_where_0_is_published_once_it_is_sent() -> None:
    stats = ContainerStats(cpu=CpuStats(7, 3, 4, (), 5, 4, 2_000_000_000), hugetlb={})

    reading = reader.ContainerReader(IDENTITY, "4.1.0").read(stats, 0.0)

    assert [c.values for c in reading.chunks if "throttled_seconds" in c.metric.name] == [("2",)]
