"""Each value of an answer, by hand: where it stands, what is sent, and what line it becomes."""

from typing import Any

import pytest
from google.protobuf import json_format

from container_page import IDENTITY, lines_of, names_of
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.reader import container_chunks
from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.exposition.text import render
from promtool import check_metrics

V1, V2 = "v1", "v2"
NO_LIMIT_V1, NO_LIMIT_V2 = 2**63 - 4096, 2**64 - 1

_OF_CGROUP: dict[str, dict[str, Any]] = {
    V1: {"cpu_stats": {"cpu_usage": {"percpu_usage": ["1", "0"]}}},
    V2: {"cpu_stats": {"cpu_usage": {}}, "memory_stats": {"stats": {"anon": "1"}}},
}

CPU = "cpu_stats.cpu_usage."
THROTTLING = "cpu_stats.throttling_data."
MEMORY = "memory_stats.usage."
STAT = "memory_stats.stats."
BYTES = "blkio_stats.io_service_bytes_recursive."
REQUESTS = "blkio_stats.io_serviced_recursive."
FAILURES = "memory_failures_total"

# Where; raw value; agent; cgroup; metric; its lines.
TABLE: list[tuple[str, int, str, str, str, list[str]]] = [
    (f"{CPU}total_usage", 5901404000, "4.1.0", V2, "cpu_usage_seconds_total", [" 5.901404"]),
    (f"{CPU}total_usage", 5901404, "3.8.2", V2, "cpu_usage_seconds_total", [" 5.901404"]),
    (f"{CPU}total_usage", 5901404, "3.8.0-rc0", V2, "cpu_usage_seconds_total", [" 5.901404"]),
    (f"{CPU}total_usage", 5901404, "3.9.0", V2, "cpu_usage_seconds_total", [" 0.005901404"]),
    (f"{CPU}total_usage", 5901404, "", V2, "cpu_usage_seconds_total", [" 0.005901404"]),
    (f"{CPU}total_usage", 5901404, "3.8.2", V1, "cpu_usage_seconds_total", [" 0.005901404"]),
    (f"{CPU}total_usage", 0, "3.0.2", V2, "cpu_usage_seconds_total", []),
    (f"{CPU}total_usage", 0, "3.1.0", V2, "cpu_usage_seconds_total", [" 0"]),
    (f"{CPU}total_usage", 0, "3.0.2", V1, "cpu_usage_seconds_total", [" 0"]),
    (f"{CPU}total_usage", 2**64 - 1, "", V1, "cpu_usage_seconds_total", [" 18446744073.709551615"]),
    (f"{CPU}usage_in_usermode", 1599484000, "4.1.0", V2, "cpu_user_seconds_total", [" 1.599484"]),
    (f"{CPU}usage_in_usermode", 1599484, "3.3.0", V2, "cpu_user_seconds_total", [" 1.599484"]),
    (f"{CPU}usage_in_usermode", 70000000, "2.0.0", V1, "cpu_user_seconds_total", [" 0.07"]),
    (f"{CPU}usage_in_kernelmode", 4301920000, "4.1.0", V2, "cpu_system_seconds_total", [" 4.30192"]),
    (f"{THROTTLING}periods", 118, "4.1.0", V2, "cpu_cfs_periods_total", [" 118"]),
    (f"{THROTTLING}throttled_periods", 7, "4.1.0", V2, "cpu_cfs_throttled_periods_total", [" 7"]),
    (f"{THROTTLING}throttled_time", 0, "4.1.0", V2, "cpu_cfs_throttled_seconds_total", []),
    (f"{THROTTLING}throttled_time", 0, "4.1.0", V1, "cpu_cfs_throttled_seconds_total", [" 0"]),
    (f"{THROTTLING}throttled_time", 3831955454, "2.0.0", V1, "cpu_cfs_throttled_seconds_total", [" 3.831955454"]),
    (f"{THROTTLING}throttled_time", 5320022000, "9.0.0", V2, "cpu_cfs_throttled_seconds_total", [" 5.320022"]),
    (f"{CPU}percpu_usage", 2028364201, "4.1.0", V1, "cpu_percpu_usage_seconds_total", ['{cpu="2"} 2.028364201']),
    (f"{MEMORY}usage", 6098944, "4.1.0", V2, "memory_usage_bytes", [" 6098944"]),
    (f"{MEMORY}usage", 2**53 + 1, "4.1.0", V2, "memory_usage_bytes", [" 9007199254740993"]),
    (f"{MEMORY}max_usage", 10248192, "4.1.0", V2, "memory_max_usage_bytes", [" 10248192"]),
    (f"{MEMORY}limit", 67108864, "4.1.0", V2, "spec_memory_limit_bytes", [" 67108864"]),
    (f"{MEMORY}limit", NO_LIMIT_V2, "4.1.0", V2, "spec_memory_limit_bytes", []),
    (f"{MEMORY}limit", NO_LIMIT_V1, "4.1.0", V1, "spec_memory_limit_bytes", []),
    (f"{MEMORY}limit", 0, "4.1.0", V2, "spec_memory_limit_bytes", []),
    (f"{MEMORY}failcnt", 0, "4.1.0", V1, "memory_failcnt", [" 0"]),
    (f"{MEMORY}failcnt", 3, "4.1.0", V1, "memory_failcnt", [" 3"]),
    (f"{MEMORY}failcnt", 0, "4.1.0", V2, "memory_failcnt", []),
    (f"{STAT}anon", 163840, "4.1.0", V2, "memory_rss", [" 163840"]),
    (f"{STAT}rss", 167936, "4.1.0", V1, "memory_rss", [" 167936"]),
    (f"{STAT}file", 5050368, "4.1.0", V2, "memory_cache", [" 5050368"]),
    (f"{STAT}cache", 1978368, "4.1.0", V1, "memory_cache", [" 1978368"]),
    ("memory_stats.cache", 5, "4.1.0", V1, "memory_cache", []),
    (f"{STAT}file_mapped", 126976, "4.1.0", V2, "memory_mapped_file", [" 126976"]),
    (f"{STAT}mapped_file", 1511424, "4.1.0", V1, "memory_mapped_file", [" 1511424"]),
    (f"{STAT}swap", 4096, "4.1.0", V1, "memory_swap", [" 4096"]),
    ("memory_stats.swap_usage.usage", 8192, "4.1.0", V2, "memory_swap", [" 8192"]),
    ("memory_stats.swap_usage.usage", 8192, "4.1.0", V1, "memory_swap", []),
    (f"{STAT}pgfault", 7, "4.1.0", V2, FAILURES, []),
    ("pids_stats.current", 2, "4.1.0", V2, "threads", [" 2"]),
    ("pids_stats.limit", 0, "4.1.0", V2, "threads_max", []),
    ("pids_stats.limit", 100, "4.1.0", V2, "threads_max", [" 100"]),
    ("pids_stats.limit", NO_LIMIT_V2, "4.1.0", V2, "threads_max", []),
    (f"{BYTES}read", 142746624, "4.1.0", V2, "fs_reads_bytes_total", ['{device="254:0"} 142746624']),
    (f"{BYTES}read", 0, "4.1.0", V2, "fs_reads_bytes_total", []),
    (f"{BYTES}read", 0, "4.1.0", V1, "fs_reads_bytes_total", ['{device="254:0"} 0']),
    (f"{BYTES}read", 512, "4.1.0", V1, "fs_reads_bytes_total", ['{device="254:0"} 512']),
    (f"{BYTES}Read", 512, "4.1.0", V1, "fs_reads_bytes_total", ['{device="254:0"} 512']),
    (f"{BYTES}write", 142606336, "4.1.0", V2, "fs_writes_bytes_total", ['{device="254:0"} 142606336']),
    (f"{BYTES}rios", 2183, "4.1.0", V2, "fs_reads_total", ['{device="254:0"} 2183']),
    (f"{BYTES}wios", 147, "4.1.0", V2, "fs_writes_total", ['{device="254:0"} 147']),
    (f"{REQUESTS}read", 9, "4.1.0", V1, "fs_reads_total", ['{device="254:0"} 9']),
    (f"{REQUESTS}read", 9, "4.1.0", V2, "fs_reads_total", []),
    (f"{REQUESTS}write", 8, "4.1.0", V1, "fs_writes_total", ['{device="254:0"} 8']),
    (f"{BYTES}read", 5, "4.1.0", V2, "blkio_device_usage_total", ['{device="254:0",operation="Read"} 5']),
    (f"{BYTES}write", 6, "4.1.0", V1, "blkio_device_usage_total", ['{device="254:0",operation="Write"} 6']),
    (f"{BYTES}dbytes", 7, "4.1.0", V2, "blkio_device_usage_total", ['{device="254:0",operation="Discard"} 7']),
    (f"{BYTES}discard", 7, "4.1.0", V1, "blkio_device_usage_total", ['{device="254:0",operation="Discard"} 7']),
    (f"{BYTES}dios", 7, "4.1.0", V2, "blkio_device_usage_total", []),
    (f"{BYTES}rios", 7, "4.1.0", V2, "blkio_device_usage_total", []),
    (f"{BYTES}total", 7, "4.1.0", V1, "blkio_device_usage_total", []),
    (f"{BYTES}sync", 7, "4.1.0", V1, "blkio_device_usage_total", []),
    ("hugetlb_stats.2MB.usage", 4194304, "4.1.0", V2, "hugetlb_usage_bytes", ['{pagesize="2MB"} 4194304']),
    ("hugetlb_stats.1GB.usage", 0, "4.1.0", V2, "hugetlb_usage_bytes", ['{pagesize="1GB"} 0']),
    ("hugetlb_stats.2MB.max_usage", 0, "4.1.0", V2, "hugetlb_max_usage_bytes", []),
    ("hugetlb_stats.2MB.max_usage", 0, "4.1.0", V1, "hugetlb_max_usage_bytes", ['{pagesize="2MB"} 0']),
    ("hugetlb_stats.64KB.max_usage", 65536, "4.1.0", V1, "hugetlb_max_usage_bytes", ['{pagesize="64KB"} 65536']),
    ("hugetlb_stats.2MB.failcnt", 3, "4.1.0", V2, "hugetlb_failcnt", ['{pagesize="2MB"} 3']),
]  # fmt: skip


def answer(place: str, value: int, cgroup: str) -> pb.CgroupStats:
    """Return an answer of a guest with this cgroup version, with one value in one place."""
    message = json_format.ParseDict(_OF_CGROUP[cgroup], pb.CgroupStats())
    *parents, last = place.split(".")
    if parents[0] == "blkio_stats":
        entry = pb.BlkioStatsEntry(major=254, op=last, value=value)
        getattr(message.blkio_stats, parents[1]).append(entry)
        return message
    if parents[0] == "hugetlb_stats":
        setattr(message.hugetlb_stats[parents[1]], last, value)
        return message
    target: Any = message
    for parent in parents:
        target = getattr(target, parent)
    if parents[-1] == "stats":
        target[last] = value
    elif last == "percpu_usage":
        target.percpu_usage.append(value)
    else:
        target.SetInParent()
        setattr(target, last, value)
    return message


@pytest.mark.parametrize(
    ("place", "value", "version", "cgroup", "metric", "expected"),
    TABLE,
    ids=[f"{row[0]}={row[1]}-{row[2] or 'unknown'}-{row[3]}-{row[4]}" for row in TABLE],
)
def test_value_becomes_this(
    place: str, value: int, version: str, cgroup: str, metric: str, expected: list[str]
) -> None:
    lines = lines_of(answer(place, value, cgroup), version)

    found = {line.removeprefix(metric) for line in lines if names_of({line}) == {metric}}
    others = {'{cpu="0"} 0.000000001'} if metric == "cpu_percpu_usage_seconds_total" else set[str]()
    assert found - others == set(expected)


@pytest.mark.parametrize(
    ("stat", "cgroup", "expected"),
    [
        ({"pgfault": 7, "pgmajfault": 1}, V2, {("pgfault", "7", "7"), ("pgmajfault", "1", "1")}),
        (
            {"pgfault": 7, "total_pgfault": 9, "pgmajfault": 1, "total_pgmajfault": 2},
            V1,
            {("pgfault", "7", "9"), ("pgmajfault", "1", "2")},
        ),
    ],
)
def test_page_faults_are_those_of_the_cgroup_and_of_all_below(
    stat: dict[str, int], cgroup: str, expected: set[tuple[str, str, str]]
) -> None:
    message = json_format.ParseDict(_OF_CGROUP[cgroup], pb.CgroupStats())
    message.memory_stats.stats.update(stat)

    found = {line for line in lines_of(message) if line.startswith(FAILURES)}

    assert found == {
        f'{FAILURES}{{failure_type="{kind}",scope="{scope}"}} {value}'
        for kind, own, below in expected
        for scope, value in (("container", own), ("hierarchy", below))
    }


@pytest.mark.parametrize(
    ("key", "cgroup"), [("inactive_file", V2), ("total_inactive_file", V1)], ids=[V2, V1]
)
def test_working_set_is_usage_without_page_cache_that_rests(key: str, cgroup: str) -> None:
    message = json_format.ParseDict(_OF_CGROUP[cgroup], pb.CgroupStats())
    message.memory_stats.usage.usage = 6098944
    message.memory_stats.stats[key] = 4816896

    assert "memory_working_set_bytes 1282048" in lines_of(message)


@pytest.mark.real
def test_promtool_finds_nothing_in_a_page_with_every_metric() -> None:
    message = pb.CgroupStats()
    for place, value, *_, cgroup, _, expected in TABLE:
        if cgroup == V1 and expected:
            message.MergeFrom(answer(place, value, cgroup))
    message.pids_stats.limit = 9
    for key in ("inactive_file", "swap", "pgfault", "pgmajfault"):
        message.memory_stats.stats[key] = message.memory_stats.stats[f"total_{key}"] = 1
    message.memory_stats.usage.limit = 1 << 20
    stats = container_stats(pb.StatsContainerResponse(cgroup_stats=message))

    chunks = container_chunks(IDENTITY, stats, "4.1.0")

    assert [chunk.metric for chunk in chunks] == list(CONTAINER_METRICS)
    assert check_metrics(render(chunks)) == ""


def test_every_metric_has_a_line_in_the_table() -> None:
    shown = {metric for *_, metric, expected in TABLE if expected}

    assert {
        metric.name.removeprefix("kata_container_") for metric in CONTAINER_METRICS
    } == shown | {
        FAILURES,
        "memory_working_set_bytes",
    }
