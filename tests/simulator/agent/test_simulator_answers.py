"""What simulated agents say has the shape of a real agent's answers, family by family."""

import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.simulator import SimulatedGuest
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.guest.containers import ContainerUsage
from proto_fields import fields_of

NAMES_OF_DEVICES = {"cpu", "disk", "interface", "device", "mount"}


def guest(seed: int) -> SimulatedGuest:
    return SimulatedGuest(
        FakeClock(), sandbox_id="demo-1", container_ids=["c1", "c2", "c3", "c4"], seed=seed
    )


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def shape(text: str) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """Return by family the label sets, with the names of devices left out."""
    found = defaultdict(set)
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, rest = line.partition("{") if "{" in line else (line.split()[0], "", "")
        labels = re.findall(r'(\w+)="([^"]*)"', rest)
        found[name].add(
            tuple((key, "" if key in NAMES_OF_DEVICES else value) for key, value in labels)
        )
    return dict(found)


def test_lines_of_a_guest_of_two_cpus_have_the_order_of_a_real_agents(data: Path) -> None:
    real = (data / "guest-vm-cgroup2" / "getmetrics-2.txt").read_text()
    two_cpus = next(made for made in map(guest, range(100)) if made.cpus == 2)

    simulated = metrics_text(two_cpus.state(), scrapes=1)

    assert [line.rpartition(" ")[0] for line in simulated.splitlines() if line[0] != "#"] == [
        line.rpartition(" ")[0] for line in real.splitlines() if line[0] != "#"
    ]


def test_numbers_are_written_as_a_real_agent_does() -> None:
    text = metrics_text(guest(1).state(), scrapes=1)

    for line in text.splitlines():
        if not line.startswith("#"):
            number = line.rpartition(" ")[2]
            assert re.fullmatch(r"\d+|\d+\.\d+", number), line
            assert not number.endswith(".0"), line


COUNTERS = re.compile(
    r"kata_agent_io_stat|kata_agent_proc_stat\{|kata_agent_total_time|.*_ctxt_switches"
    r"|kata_guest_cpu_time|kata_guest_netdev_stat|kata_guest_diskstat(?!.*in_progress)"
    r'|kata_guest_vm_stat\{item="(pg|oom|numa_hit|pswp|nr_dirtied|nr_written)'
)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.lists(st.floats(0.001, 5e5), min_size=2, max_size=6))
def test_no_counter_of_any_answer_steps_back(seed: int, instants: list[float]) -> None:
    made = guest(seed)
    states = [made.at(uptime) for uptime in sorted(instants)]

    for before, after in pairwise(states):
        old, new = values(metrics_text(before, scrapes=1)), values(metrics_text(after, scrapes=1))
        assert {k: (v, new[k]) for k, v in old.items() if COUNTERS.match(k) and new[k] < v} == {}
        for name, usage_before in before.containers.items():
            first = stats_response(usage_before).cgroup_stats
            second = stats_response(after.containers[name]).cgroup_stats
            for key in ("pgfault", "pgmajfault", "pgactivate"):
                assert second.memory_stats.stats[key] >= first.memory_stats.stats[key]
            assert second.cpu_stats.cpu_usage.total_usage >= first.cpu_stats.cpu_usage.total_usage
            assert (
                second.cpu_stats.throttling_data.throttled_periods
                >= first.cpu_stats.throttling_data.throttled_periods
            )
            assert second.memory_stats.usage.max_usage >= first.memory_stats.usage.max_usage


def values(text: str) -> dict[str, float]:
    samples = (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    return {key: float(number) for key, _, number in samples}


@pytest.mark.parametrize("seed", range(5))
def test_metrics_have_the_families_items_and_labels_of_a_real_agent(seed: int, data: Path) -> None:
    real = (data / "guest-vm-cgroup2" / "getmetrics-2.txt").read_text()

    simulated = metrics_text(guest(seed).state(), scrapes=1)

    assert comments(simulated) == comments(real)
    assert shape(simulated) == shape(real)


def test_metrics_are_taken_whole_by_the_exporter() -> None:
    reader = GuestReader("", schema_for("4.1.0"), layouts=LayoutCache())

    reading = reader.read(metrics_text(guest(1).state(), scrapes=1), 0.0)

    assert not reading.rejected
    assert reading.samples > 150


def test_metrics_are_taken_by_a_parser_of_others() -> None:
    text = metrics_text(guest(1).state(), scrapes=7)

    values = {s.name: s.value for f in text_string_to_metric_families(text) for s in f.samples}

    # The parser gives a counter the ending that it should have had.
    assert values["kata_agent_scrape_count_total"] == 7


def test_the_sum_of_the_cpus_stands_beside_them() -> None:
    text = metrics_text(guest(3).state(), scrapes=1)

    idle = dict(re.findall(r'kata_guest_cpu_time\{cpu="(\w+)",item="idle"\} (\d+)', text))

    assert int(idle.pop("total")) == sum(map(int, idle.values()))


def usage(*, limited: bool, uses_disk: bool) -> ContainerUsage:
    for seed in range(100):
        for found in guest(seed).state().containers.values():
            if found.uses_disk is uses_disk and (found.memory_limit is not None) is limited:
                return found
    raise AssertionError("no such container in a hundred guests")


@pytest.mark.parametrize(
    ("capture", "limited", "uses_disk"),
    [("limited", True, True), ("nolimits", False, False), ("sb1", False, True)],
)
def test_statistics_have_the_fields_of_a_real_agents(
    data: Path, capture: str, *, limited: bool, uses_disk: bool
) -> None:
    raw = (data / "guest-vm-cgroup2" / f"statscontainer-{capture}.bin").read_bytes()
    real = agent_pb2.StatsContainerResponse.FromString(raw)

    simulated = stats_response(usage(limited=limited, uses_disk=uses_disk))

    assert fields_of(simulated) == fields_of(real)


def test_statistics_have_the_faults_of_a_real_agent_on_cgroup_v2() -> None:
    stats = stats_response(usage(limited=True, uses_disk=True)).cgroup_stats

    assert stats.cpu_stats.throttling_data.throttled_time == 0
    assert stats.cpu_stats.throttling_data.periods > 0
    assert not stats.cpu_stats.cpu_usage.percpu_usage
    entries = stats.blkio_stats.io_service_bytes_recursive
    assert [entry.op for entry in entries] == ["read", "write", "rios", "wios", "dbytes", "dios"]
    assert {entry.value for entry in entries} == {0}


def test_no_limit_is_the_largest_number() -> None:
    memory = stats_response(usage(limited=False, uses_disk=False)).cgroup_stats.memory_stats

    assert memory.usage.limit == memory.kernel_usage.limit == 2**64 - 1
