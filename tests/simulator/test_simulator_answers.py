"""What simulated agents say has the shape of a real agent's answers, family by family."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from google.protobuf.message import Message
from prometheus_client.parser import text_string_to_metric_families

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.simulator import SimulatedGuest
from kata_exporter.simulator.container_stats import stats_response
from kata_exporter.simulator.containers import ContainerUsage
from kata_exporter.simulator.metrics_text import metrics_text

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


@pytest.mark.parametrize("seed", range(5))
def test_metrics_have_the_families_items_and_labels_of_a_real_agent(seed: int, data: Path) -> None:
    real = (data / "guest-vm-cgroup2" / "getmetrics-2.txt").read_text()

    simulated = metrics_text(guest(seed).state(), scrapes=1)

    assert comments(simulated) == comments(real)
    assert shape(simulated) == shape(real)


def test_metrics_are_taken_whole_by_the_exporter() -> None:
    reader = GuestReader("", schema_for("4.1.0"), layouts=LayoutCache())

    reading = reader.read(metrics_text(guest(1).state(), scrapes=1))

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


def fields(message: Message, path: str = "") -> set[str]:
    """Return the paths of all fields that are set; keys of maps are part of them."""
    found = set()
    for field, value in message.ListFields():
        here = f"{path}/{field.name}"
        found.add(here)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found |= {f"{here}[{key}]" for key in value}
        elif field.message_type is not None:
            for item in value if hasattr(value, "append") else [value]:
                found |= fields(item, here)
    return found


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

    assert fields(simulated) == fields(real)


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
