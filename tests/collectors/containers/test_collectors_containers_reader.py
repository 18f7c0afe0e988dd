"""From a container's statistics to chunks."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kata_exporter.agent.types import ContainerStats, CpuStats, MemoryStats, MemoryUsage, PidsStats
from kata_exporter.collectors.containers.reader import ContainerReader, container_chunks
from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.metrics import Metric, MetricType, Scope

IDENTITY = 'sandbox_id="s",namespace="n",pod="p",container="c",container_id="ci"'
U64_MAX = 2**64 - 1

CPU = CpuStats(
    usage_ns=5_901_404_000,
    usage_user_ns=1_599_484_000,
    usage_kernel_ns=4_301_920_000,
    usage_percpu_ns=(),
    periods=118,
    throttled_periods=115,
    throttled_ns=0,
)
USAGE = MemoryUsage(usage_bytes=1000, max_usage_bytes=2000, failures=3, limit_bytes=64 << 20)
STAT_V2 = {
    "anon": 10,
    "file": 20,
    "file_mapped": 5,
    "inactive_file": 300,
    "pgfault": 7,
    "pgmajfault": 1,
}
_OWN_V1 = {"rss": 1, "cache": 2, "mapped_file": 3, "swap": 4, "pgfault": 6, "pgmajfault": 7}
STAT_V1 = (
    _OWN_V1
    | {f"total_{key}": 10 + value for key, value in _OWN_V1.items()}
    | {"inactive_file": 5, "total_inactive_file": 15}
)
MEMORY_V2 = MemoryStats(
    cache_bytes=0,
    use_hierarchy=False,
    usage=replace(USAGE, failures=0),
    swap=MemoryUsage(40, 0, 0, U64_MAX),
    kernel=None,
    stat=STAT_V2,
)
MEMORY_V1 = replace(
    MEMORY_V2, usage=USAGE, use_hierarchy=True, swap=MemoryUsage(1100, 0, 0, 0), stat=STAT_V1
)
V2 = ContainerStats(cpu=CPU, memory=MEMORY_V2, pids=PidsStats(2, 100))
V1 = ContainerStats(
    cpu=replace(CPU, usage_percpu_ns=(1, 2), throttled_ns=3_831_955_454),
    memory=MEMORY_V1,
    pids=PidsStats(2, 0),
)
CPU_NAMES = {
    "cpu_usage_seconds_total",
    "cpu_user_seconds_total",
    "cpu_system_seconds_total",
    "cpu_cfs_periods_total",
    "cpu_cfs_throttled_periods_total",
}


def _samples(stats: ContainerStats, version: str = "4.1.0") -> dict[str, str]:
    """Return values by name, with own labels but without prefix and identity."""
    lines = b"".join(chunk.lines for chunk in container_chunks(IDENTITY, stats, version)).decode()
    pairs = (line.rsplit(" ", 1) for line in lines.splitlines())
    return {
        head.removeprefix("kata_container_").replace(IDENTITY, "").replace("{}", ""): value
        for head, value in pairs
    }


def test_cgroup_v2_statistics() -> None:
    assert _samples(V2) == {
        "cpu_usage_seconds_total": "5.901404",
        "cpu_user_seconds_total": "1.599484",
        "cpu_system_seconds_total": "4.30192",
        "cpu_cfs_periods_total": "118",
        "cpu_cfs_throttled_periods_total": "115",
        "memory_usage_bytes": "1000",
        "memory_max_usage_bytes": "2000",
        "memory_working_set_bytes": "700",
        "memory_rss": "10",
        "memory_cache": "20",
        "memory_mapped_file": "5",
        "memory_swap": "40",
        "spec_memory_limit_bytes": "67108864",
        'memory_failures_total{,failure_type="pgfault",scope="container"}': "7",
        'memory_failures_total{,failure_type="pgfault",scope="hierarchy"}': "7",
        'memory_failures_total{,failure_type="pgmajfault",scope="container"}': "1",
        'memory_failures_total{,failure_type="pgmajfault",scope="hierarchy"}': "1",
        "threads": "2",
        "threads_max": "100",
    }


def test_cgroup_v1_statistics() -> None:
    assert _samples(V1) == {
        "cpu_usage_seconds_total": "5.901404",
        "cpu_user_seconds_total": "1.599484",
        "cpu_system_seconds_total": "4.30192",
        "cpu_cfs_periods_total": "118",
        "cpu_cfs_throttled_periods_total": "115",
        "cpu_cfs_throttled_seconds_total": "3.831955454",
        'cpu_percpu_usage_seconds_total{,cpu="0"}': "0.000000001",
        'cpu_percpu_usage_seconds_total{,cpu="1"}': "0.000000002",
        "memory_usage_bytes": "1000",
        "memory_max_usage_bytes": "2000",
        "memory_working_set_bytes": "985",
        "memory_rss": "11",
        "memory_cache": "12",
        "memory_mapped_file": "13",
        "memory_swap": "14",
        "spec_memory_limit_bytes": "67108864",
        "memory_failcnt": "3",
        'memory_failures_total{,failure_type="pgfault",scope="container"}': "6",
        'memory_failures_total{,failure_type="pgfault",scope="hierarchy"}': "16",
        'memory_failures_total{,failure_type="pgmajfault",scope="container"}': "7",
        'memory_failures_total{,failure_type="pgmajfault",scope="hierarchy"}': "17",
        "threads": "2",
    }


def test_without_hierarchy_v1_parts_are_the_cgroups_own() -> None:
    samples = _samples(replace(V1, memory=replace(MEMORY_V1, use_hierarchy=False)))

    assert [samples[f"memory_{part}"] for part in ("rss", "cache", "mapped_file", "swap")] == [
        "1",
        "2",
        "3",
        "4",
    ]


def test_identity_and_own_labels_stand_in_order() -> None:
    chunks = container_chunks(IDENTITY, V2, "")

    assert b"".join(chunk.lines for chunk in chunks).startswith(
        f"kata_container_cpu_usage_seconds_total{{{IDENTITY}}} ".encode()
    )


@pytest.mark.parametrize(
    ("version", "seconds"),
    [("3.8.0", "5901.404"), ("2.5.0", "5901.404"), ("3.9.0", "5.901404"), ("", "5.901404")],
)
def test_cpu_of_cgroup_v2_is_in_microseconds_before_3_9_0(version: str, seconds: str) -> None:
    assert _samples(V2, version)["cpu_usage_seconds_total"] == seconds


def test_cpu_of_cgroup_v1_is_in_nanoseconds_always() -> None:
    assert _samples(V1, "3.8.0") == _samples(V1)


@pytest.mark.parametrize(
    ("lacking", "names"),
    [
        (replace(V2, cpu=None), ("cpu_",)),
        (replace(V2, memory=None), ("memory_", "spec_memory_")),
        (replace(V2, pids=None), ("threads",)),
    ],
    ids=["cpu", "memory", "pids"],
)
def test_what_the_guest_lacks_is_absent(lacking: ContainerStats, names: tuple[str, ...]) -> None:
    rest = {name: v for name, v in _samples(V2).items() if not name.startswith(names)}

    assert _samples(lacking) == rest
    assert len(rest) < len(_samples(V2))


def test_nothing_gives_no_chunk() -> None:
    assert container_chunks(IDENTITY, ContainerStats(), "4.1.0") == ()


def test_throttling_that_was_not_sent_is_absent() -> None:
    cpu = replace(CPU, periods=None, throttled_periods=None, throttled_ns=None)

    assert set(_samples(ContainerStats(cpu=cpu))) == {
        "cpu_usage_seconds_total",
        "cpu_user_seconds_total",
        "cpu_system_seconds_total",
    }
    v1 = replace(cpu, usage_percpu_ns=(1,))
    assert "cpu_cfs_throttled_seconds_total" not in _samples(ContainerStats(cpu=v1))


def test_cpu_alone_tells_the_cgroup_version_by_its_list_of_cpus() -> None:
    assert set(_samples(ContainerStats(cpu=V2.cpu))) == CPU_NAMES
    assert set(_samples(ContainerStats(cpu=V1.cpu))) == CPU_NAMES | {
        "cpu_cfs_throttled_seconds_total",
        'cpu_percpu_usage_seconds_total{,cpu="0"}',
        'cpu_percpu_usage_seconds_total{,cpu="1"}',
    }


@pytest.mark.parametrize("limit", [0, U64_MAX, 9_223_372_036_854_771_712, 2**60])
def test_no_limit_is_absent(limit: int) -> None:
    memory = replace(MEMORY_V2, usage=replace(USAGE, limit_bytes=limit))

    assert "spec_memory_limit_bytes" not in _samples(replace(V2, memory=memory))


def test_largest_limit_is_published() -> None:
    memory = replace(MEMORY_V2, usage=replace(USAGE, limit_bytes=2**60 - 1))

    assert _samples(replace(V2, memory=memory))["spec_memory_limit_bytes"] == str(2**60 - 1)


def test_working_set_is_never_below_zero() -> None:
    memory = replace(MEMORY_V2, stat=STAT_V2 | {"inactive_file": 5000})

    assert _samples(replace(V2, memory=memory))["memory_working_set_bytes"] == "0"


@pytest.mark.parametrize(("stats", "key"), [(V2, "inactive_file"), (V1, "total_inactive_file")])
def test_working_set_is_absent_without_what_it_is_made_of(stats: ContainerStats, key: str) -> None:
    assert stats.memory is not None
    stat = {name: value for name, value in stats.memory.stat.items() if name != key}

    samples = _samples(replace(stats, memory=replace(stats.memory, stat=stat)))

    assert "memory_working_set_bytes" not in samples
    assert "memory_usage_bytes" in samples


@pytest.mark.parametrize(("usage", "published"), [(1000, False), (0, True)])
def test_peak_that_the_kernel_does_not_have_is_absent(usage: int, *, published: bool) -> None:
    memory = replace(MEMORY_V2, usage=replace(USAGE, usage_bytes=usage, max_usage_bytes=0))

    assert ("memory_max_usage_bytes" in _samples(replace(V2, memory=memory))) is published


def test_memory_without_usage_still_has_its_parts() -> None:
    names = set(_samples(ContainerStats(memory=replace(MEMORY_V2, usage=None, swap=None))))

    assert {re.sub("{.*", "", name) for name in names} == {
        "memory_rss",
        "memory_cache",
        "memory_mapped_file",
        "memory_failures_total",
    }


def test_faults_are_published_whole_or_not_at_all() -> None:
    stat = {"anon": 1, "pgfault": 7}

    names = _samples(ContainerStats(memory=replace(MEMORY_V2, stat=stat)))

    assert not [name for name in names if name.startswith("memory_failures_total")]


def test_large_integers_stay_integers() -> None:
    usage = replace(USAGE, usage_bytes=U64_MAX)
    cpu = replace(CPU, usage_ns=U64_MAX)

    samples = _samples(replace(V2, cpu=cpu, memory=replace(MEMORY_V2, usage=usage)))

    assert samples["memory_usage_bytes"] == "18446744073709551615"
    assert samples["cpu_usage_seconds_total"] == "18446744073.709551615"


def test_reader_keeps_its_shapes_and_gives_new_values() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")

    before = reader.read(V2, 0.0).chunks
    after = reader.read(replace(V2, pids=PidsStats(9, 100)), 0.0).chunks

    assert all(a.shape is b.shape for a, b in zip(before, after, strict=True))
    assert after[-2].values == ("9",)


@pytest.mark.parametrize("stats", [V1, V2])
def test_chunks_are_in_the_order_of_the_metrics(stats: ContainerStats) -> None:
    metrics = [chunk.metric for chunk in container_chunks(IDENTITY, stats, "")]

    assert metrics == [metric for metric in CONTAINER_METRICS if metric in set(metrics)]


@pytest.mark.parametrize("metric", CONTAINER_METRICS, ids=lambda metric: metric.name)
def test_record_is_complete(metric: Metric) -> None:
    assert metric.scope is Scope.CONTAINER
    assert metric.name.startswith("kata_container_")
    assert re.search(r"\(agent: (cpu|memory|pids|blkio|hugetlb)_stats\.", metric.help)
    assert (metric.type is MetricType.UNTYPED) == metric.name.endswith("_failcnt")


def _number(value: Any) -> int:
    return int(value or 0)


@pytest.mark.parametrize("name", ["limited", "nolimits", "paused"])
def test_numbers_of_a_real_agent_are_the_decoded_ones(data: Path, name: str) -> None:
    decoded = json.loads((data / f"guest-vm-cgroup2/statscontainer-{name}.json").read_text())
    cgroup = decoded["stats"]["cgroupStats"]
    usage, memory = cgroup["cpuStats"]["cpuUsage"], cgroup["memoryStats"]
    stat = {key: _number(value) for key, value in memory["stats"].items()}
    stats = ContainerStats(
        cpu=replace(CPU, usage_ns=_number(usage.get("totalUsage"))),
        memory=replace(
            MEMORY_V2,
            usage=MemoryUsage(
                _number(memory["usage"].get("usage")),
                _number(memory["usage"].get("maxUsage")),
                _number(memory["usage"].get("failcnt")),
                _number(memory["usage"].get("limit")),
            ),
            stat=stat,
        ),
    )

    samples = _samples(stats)

    assert float(samples["cpu_usage_seconds_total"]) == _number(usage["totalUsage"]) / 1e9
    assert _number(samples["memory_rss"]) == stat["anon"]
    assert _number(samples["memory_working_set_bytes"]) == max(
        0, _number(memory["usage"].get("usage")) - stat["inactive_file"]
    )
    assert ("spec_memory_limit_bytes" in samples) == (name == "limited")
