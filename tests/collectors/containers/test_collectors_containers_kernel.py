"""What is published of a container is what the kernel's own files say of it."""

import re
from pathlib import Path

import pytest

from container_page import lines_of, names_of
from kata_exporter._pb import agent_pb2 as pb

CAPTURES = "guest-vm-cgroup2"


@pytest.fixture
def files(data: Path) -> dict[str, str]:
    """The files of the cgroup by name."""
    text = (data / CAPTURES / "cgroupfiles-limited.txt").read_text()
    _, *parts = re.split(r"^(?:# )?== (.*)$", text, flags=re.MULTILINE)
    return {name: content.strip() for name, content in zip(parts[::2], parts[1::2], strict=True)}


@pytest.fixture
def captured(data: Path) -> dict[str, str]:
    """What is published of the answer that was given a moment before the files were read."""
    raw = (data / CAPTURES / "statscontainer-limited.bin").read_bytes()
    stats = pb.StatsContainerResponse.FromString(raw).cgroup_stats
    return dict(line.rsplit(" ", 1) for line in lines_of(stats))


def keyed(content: str) -> dict[str, int]:
    pairs = (line.split() for line in content.splitlines())
    return {key: int(value) for key, value in pairs}


def test_an_answer_made_of_the_files_becomes_their_numbers(files: dict[str, str]) -> None:
    cpu, memory = keyed(files["cpu.stat"]), keyed(files["memory.stat"])
    io = dict(re.findall(r"(\w+)=(\d+)", files["io.stat"]))
    message = pb.CgroupStats()
    message.cpu_stats.cpu_usage.total_usage = cpu["usage_usec"] * 1000
    message.cpu_stats.cpu_usage.usage_in_usermode = cpu["user_usec"] * 1000
    message.cpu_stats.cpu_usage.usage_in_kernelmode = cpu["system_usec"] * 1000
    message.cpu_stats.throttling_data.periods = cpu["nr_periods"]
    message.cpu_stats.throttling_data.throttled_periods = cpu["nr_throttled"]
    message.cpu_stats.throttling_data.throttled_time = cpu["throttled_usec"] * 1000
    message.memory_stats.usage.usage = int(files["memory.current"])
    message.memory_stats.usage.max_usage = int(files["memory.peak"])
    message.memory_stats.usage.limit = int(files["memory.max"])
    message.memory_stats.swap_usage.usage = int(files["memory.swap.current"])
    message.memory_stats.stats.update(memory)
    message.pids_stats.current = int(files["pids.current"])
    for operation, key in {"read": "rbytes", "write": "wbytes", "dbytes": "dbytes"}.items():
        message.blkio_stats.io_service_bytes_recursive.add(
            major=254, op=operation, value=int(io[key])
        )
    for key in ("rios", "wios", "dios"):
        message.blkio_stats.io_service_bytes_recursive.add(major=254, op=key, value=int(io[key]))
    for size in ("1GB", "2MB"):
        message.hugetlb_stats[size].usage = int(files[f"hugetlb.{size}.current"])

    assert lines_of(message) == {
        "cpu_usage_seconds_total 6.042971",
        "cpu_user_seconds_total 1.621483",
        "cpu_system_seconds_total 4.421488",
        "cpu_cfs_periods_total 121",
        "cpu_cfs_throttled_periods_total 117",
        "cpu_cfs_throttled_seconds_total 5.320022",
        "memory_usage_bytes 3678208",
        "memory_max_usage_bytes 10248192",
        # More rests in the page cache than is charged: memory.stat lags behind.
        "memory_working_set_bytes 0",
        "memory_rss 163840",
        "memory_cache 4534272",
        "memory_mapped_file 126976",
        "memory_swap 0",
        "spec_memory_limit_bytes 67108864",
        'memory_failures_total{failure_type="pgfault",scope="container"} 2047',
        'memory_failures_total{failure_type="pgfault",scope="hierarchy"} 2047',
        'memory_failures_total{failure_type="pgmajfault",scope="container"} 1',
        'memory_failures_total{failure_type="pgmajfault",scope="hierarchy"} 1',
        "threads 2",
        'fs_reads_bytes_total{device="254:0"} 142746624',
        'fs_reads_total{device="254:0"} 2183',
        'fs_writes_bytes_total{device="254:0"} 142606336',
        'fs_writes_total{device="254:0"} 147',
        'blkio_device_usage_total{device="254:0",operation="Read"} 142746624',
        'blkio_device_usage_total{device="254:0",operation="Write"} 142606336',
        'blkio_device_usage_total{device="254:0",operation="Discard"} 0',
        'hugetlb_usage_bytes{pagesize="1GB"} 0',
        'hugetlb_usage_bytes{pagesize="2MB"} 0',
        'hugetlb_failcnt{pagesize="1GB"} 0',
        'hugetlb_failcnt{pagesize="2MB"} 0',
    }


@pytest.mark.parametrize(
    ("metric", "file", "key"),
    [
        ("memory_max_usage_bytes", "memory.peak", ""),
        ("spec_memory_limit_bytes", "memory.max", ""),
        ("memory_swap", "memory.swap.current", ""),
        ("memory_rss", "memory.stat", "anon"),
        ("memory_mapped_file", "memory.stat", "file_mapped"),
        ("threads", "pids.current", ""),
        ('hugetlb_usage_bytes{pagesize="2MB"}', "hugetlb.2MB.current", ""),
        ('hugetlb_failcnt{pagesize="2MB"}', "hugetlb.2MB.events", "max"),
    ],
)
def test_what_stood_still_is_the_same(
    files: dict[str, str], captured: dict[str, str], metric: str, file: str, key: str
) -> None:
    expected = keyed(files[file])[key] if key else int(files[file])

    assert captured[metric] == str(expected)


@pytest.mark.parametrize(
    ("metric", "file", "key", "unit"),
    [
        ("cpu_usage_seconds_total", "cpu.stat", "usage_usec", 1e6),
        ("cpu_user_seconds_total", "cpu.stat", "user_usec", 1e6),
        ("cpu_system_seconds_total", "cpu.stat", "system_usec", 1e6),
        ("cpu_cfs_periods_total", "cpu.stat", "nr_periods", 1),
        ("cpu_cfs_throttled_periods_total", "cpu.stat", "nr_throttled", 1),
        (
            'memory_failures_total{failure_type="pgfault",scope="container"}',
            "memory.stat",
            "pgfault",
            1,
        ),
    ],
)
def test_what_grows_had_grown_little_when_the_files_were_read(
    files: dict[str, str], captured: dict[str, str], metric: str, file: str, key: str, unit: float
) -> None:
    later = keyed(files[file])[key] / unit

    assert 0.94 * later < float(captured[metric]) <= later


def test_what_the_agent_did_not_read_is_absent_where_the_kernel_has_more_than_0(
    files: dict[str, str], captured: dict[str, str]
) -> None:
    assert keyed(files["cpu.stat"])["throttled_usec"] > 0
    assert "rbytes=142746624" in files["io.stat"]
    assert files["pids.max"] == "max"

    names = names_of(set(captured))
    assert not [name for name in names if name.startswith(("fs_", "blkio_"))]
    assert "cpu_cfs_throttled_seconds_total" not in names
    assert "threads_max" not in names
