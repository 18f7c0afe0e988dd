"""The schema: what a guest's text becomes, family by family."""

import re

import pytest

from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.schema import GUEST_METRICS, schema_for
from kata_exporter.metrics import Metric, MetricType, Scope
from raw_sample import published

BY_NAME = {metric.name: metric for metric in GUEST_METRICS}


@pytest.mark.parametrize(
    ("head", "value", "line"),
    [
        (
            'kata_guest_cpu_time{cpu="0",item="idle"}',
            "42000",
            'kata_guest_cpu_seconds_total{cpu="0",mode="idle"} 42',
        ),
        (
            'kata_guest_cpu_time{cpu="1",item="guest"}',
            "10",
            'kata_guest_cpu_guest_seconds_total{cpu="1",mode="user"} 0.01',
        ),
        (
            'kata_guest_cpu_time{cpu="1",item="guest_nice"}',
            "10",
            'kata_guest_cpu_guest_seconds_total{cpu="1",mode="nice"} 0.01',
        ),
        ('kata_guest_load{item="load15"}', "0.03", "kata_guest_load15{} 0.03"),
        ('kata_guest_tasks{item="cur"}', "2", "kata_guest_procs_running{} 2"),
        ('kata_guest_tasks{item="max"}', "66", "kata_guest_processes_threads{} 66"),
        (
            'kata_guest_meminfo{item="mem_available"}',
            "818630656",
            "kata_guest_memory_mem_available_bytes{} 818630656",
        ),
        (
            'kata_guest_meminfo{item="direct_map_2M"}',
            "1",
            "kata_guest_memory_direct_map_2m_bytes{} 1",
        ),
        ('kata_guest_meminfo{item="hugepages_free"}', "3", "kata_guest_memory_hugepages_free{} 3"),
        ('kata_guest_meminfo{item="hugepages_total"}', "3", "kata_guest_memory_hugepages{} 3"),
        (
            'kata_guest_netdev_stat{interface="eth0",item="recv_bytes"}',
            "6384",
            'kata_guest_network_receive_bytes_total{device="eth0"} 6384',
        ),
        (
            'kata_guest_netdev_stat{interface="eth0",item="sent_colls"}',
            "1",
            'kata_guest_network_transmit_colls_total{device="eth0"} 1',
        ),
        (
            'kata_guest_diskstat{disk="vda",item="sectors_read"}',
            "298390",
            'kata_guest_disk_read_bytes_total{device="vda"} 152775680',
        ),
        (
            'kata_guest_diskstat{disk="vda",item="time_in_progress"}',
            "2164",
            'kata_guest_disk_io_time_seconds_total{device="vda"} 2.164',
        ),
        (
            'kata_guest_diskstat{disk="vda",item="in_progress"}',
            "4",
            'kata_guest_disk_io_now{device="vda"} 4',
        ),
        (
            'kata_guest_filesystem_bytes{device="vda",item="available",mount="/data"}',
            "9",
            'kata_guest_filesystem_avail_bytes{device="vda",mountpoint="/data"} 9',
        ),
        (
            'kata_guest_filesystem_inodes{device="vda",item="available",mount="/data"}',
            "9",
            'kata_guest_filesystem_files_free{device="vda",mountpoint="/data"} 9',
        ),
        ('kata_guest_vm_stat{item="pgmajfault"}', "15", "kata_guest_vmstat_pgmajfault{} 15"),
        ('kata_guest_vm_stat{item="oom_kill"}', "2", "kata_guest_oom_kills_total{} 2"),
        ("kata_agent_total_time", "5.18", "kata_guest_agent_cpu_seconds_total{} 5.18"),
        ("kata_agent_total_rss", "4096", "kata_guest_agent_resident_memory_bytes{} 4096"),
        ("kata_agent_total_vm", "8192", "kata_guest_agent_virtual_memory_bytes{} 8192"),
        ("kata_agent_threads", "6", "kata_guest_agent_threads{} 6"),
        ("kata_agent_scrape_count", "2", "kata_guest_agent_scrapes_total{} 2"),
        (
            'kata_agent_proc_status{item="vmhwm"}',
            "35708",
            "kata_guest_agent_peak_resident_memory_bytes{} 36564992",
        ),
        (
            'kata_agent_proc_status{item="nonvoluntary_ctxt_switches"}',
            "178",
            'kata_guest_agent_context_switches_total{kind="nonvoluntary"} 178',
        ),
        (
            'kata_agent_io_stat{item="write_bytes"}',
            "7",
            "kata_guest_agent_io_written_bytes_total{} 7",
        ),
    ],
)
def test_raw_sample_becomes_ours(head: str, value: str, line: str) -> None:
    assert published(head, value) == line


@pytest.mark.parametrize(
    ("version", "seconds"),
    [
        ("2.4.3", "420"),
        ("1.13.0", "420"),
        ("2.5.0", "42"),
        ("4.1.0", "42"),
        ("", "42"),
        ("x", "42"),
    ],
)
def test_cpu_time_is_in_ticks_before_2_5_0(version: str, seconds: str) -> None:
    head = 'kata_guest_cpu_time{cpu="0",item="user"}'

    assert published(head, "42000", version).endswith(f" {seconds}")


@pytest.mark.parametrize(
    "head",
    [
        'kata_guest_cpu_time{cpu="total",item="idle"}',
        'kata_guest_meminfo{item="high_total"}',
        'kata_guest_meminfo{item="nfs_unstable"}',
        'kata_guest_vm_stat{item="nr_free_pages"}',
        'kata_guest_vm_stat{item="some_new_field_2"}',
        'kata_agent_proc_status{item="vmrss"}',
        'kata_agent_proc_stat{item="utime"}',
    ],
)
def test_known_and_unwanted_is_left_out(head: str) -> None:
    assert published(head, "1") == "None"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("up", RejectReason.UNKNOWN_FAMILY),
        ("kata_sandbox_up", RejectReason.UNKNOWN_FAMILY),
        ("kata_guest_cpu_seconds_total", RejectReason.UNKNOWN_FAMILY),
        ('process_open_fds{pod="x"}', RejectReason.UNKNOWN_FAMILY),
        ('kata_guest_meminfo{item="MEM_TOTAL"}', RejectReason.UNKNOWN_ITEM),
        ('kata_guest_vm_stat{item="NR free"}', RejectReason.UNKNOWN_ITEM),
        ('kata_guest_load{item="load1",sandbox_id="victim"}', RejectReason.UNKNOWN_LABEL),
        ('kata_guest_load{item="load1",namespace="kube-system"}', RejectReason.UNKNOWN_LABEL),
        ('kata_guest_load{item="load1",__name__="up"}', RejectReason.UNKNOWN_LABEL),
        ('kata_guest_load{item="load1",le="1"}', RejectReason.UNKNOWN_LABEL),
        ('kata_guest_cpu_time{cpu="-1",item="idle"}', RejectReason.BAD_LABEL),
        ('kata_guest_cpu_time{cpu="00",item="idle"}', RejectReason.BAD_LABEL),
        ('kata_guest_cpu_time{cpu="12345",item="idle"}', RejectReason.BAD_LABEL),
        ('kata_guest_cpu_time{cpu="٣",item="idle"}', RejectReason.BAD_LABEL),
    ],
)
def test_what_is_not_in_the_schema_is_rejected(head: str, reason: RejectReason) -> None:
    assert published(head, "1") == reason


def test_names_are_unique_and_ours() -> None:
    assert len(BY_NAME) == len(GUEST_METRICS)
    assert all(re.fullmatch(r"kata_guest_[a-z0-9_]+", name) for name in BY_NAME)


@pytest.mark.parametrize("metric", GUEST_METRICS, ids=lambda metric: metric.name)
def test_record_is_complete(metric: Metric) -> None:
    assert metric.scope is Scope.SANDBOX
    assert re.search(r"\(agent: (kata_(agent|guest)|process)_[a-zA-Z0-9_,;. ]+\)\.$", metric.help)
    assert metric.source.startswith("GetMetrics: ")
    assert (metric.unit == "bytes") == ("bytes" in metric.name)
    assert (metric.unit == "seconds") == ("seconds" in metric.name)


def test_untyped_are_only_the_vmstat_fields() -> None:
    untyped = {metric.name for metric in GUEST_METRICS if metric.type is MetricType.UNTYPED}

    assert untyped == {
        f"kata_guest_vmstat_{field}"
        for field in ("pgpgin", "pgpgout", "pswpin", "pswpout", "pgfault", "pgmajfault")
    }


@pytest.mark.parametrize("version", ["2.0.0", "2.5.0", "3.1.0", "4.1.0"])
def test_schema_orders_its_metrics(version: str) -> None:
    schema = schema_for(version)

    assert [schema.position(metric) for metric in schema.metrics] == list(
        range(len(schema.metrics))
    )
    assert set(schema.metrics) <= set(GUEST_METRICS)


def test_what_only_older_agents_have_comes_last() -> None:
    newest = schema_for("4.1.0").metrics

    assert GUEST_METRICS[: len(newest)] == newest
    assert [metric.name for metric in GUEST_METRICS[len(newest) :]] == [
        "kata_guest_agent_open_fds",
        "kata_guest_agent_max_fds",
        "kata_guest_agent_start_time_seconds",
    ]


@pytest.mark.parametrize(
    "releases",
    [("2.0.0", "2.4.3"), ("2.5.0", "3.0.2"), ("3.1.0", "3.2.0"), ("3.3.0", "4.1.0", "", "x")],
)
def test_agents_that_send_the_same_are_given_the_same_schema(releases: tuple[str, ...]) -> None:
    assert len({schema_for(version) for version in releases}) == 1
