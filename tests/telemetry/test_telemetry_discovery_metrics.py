"""Metrics of how sandboxes are found, read back with prometheus-client's parser."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.discovery.directory import DirectoryMetrics, ResyncCause
from kata_exporter.errors import Reason
from kata_exporter.telemetry.discovery_metrics import DiscoveryMetrics
from promtool import check_metrics

PREFIX = "kata_exporter_discovery_"
DIRECTORY = "/run/kata"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> DiscoveryMetrics:
    return DiscoveryMetrics(registry, ResyncCause)


def series(registry: CollectorRegistry, name: str) -> dict[str, float]:
    """The values of a metric by its one label."""
    return {
        "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.name == PREFIX + name
    }


def test_are_what_the_directory_source_asks_for(metrics: DiscoveryMetrics) -> None:
    asked_for: DirectoryMetrics = metrics

    asked_for.count_resync(ResyncCause.OVERFLOW)


def test_tell_of_each_directory_until_it_is_forgotten(
    registry: CollectorRegistry, metrics: DiscoveryMetrics
) -> None:
    metrics.set_present(DIRECTORY, present=True)
    metrics.set_inotify(DIRECTORY, inotify=False)
    assert series(registry, "directory_present") == {DIRECTORY: 1}
    assert series(registry, "inotify") == {DIRECTORY: 0}

    metrics.forget(DIRECTORY)
    metrics.forget(DIRECTORY)

    assert series(registry, "directory_present") == series(registry, "inotify") == {}


def test_counters_are_there_from_the_start_for_a_closed_set(
    registry: CollectorRegistry, metrics: DiscoveryMetrics
) -> None:
    metrics.count_resync(ResyncCause.WATCH_LOST)
    metrics.count_shim_request(Reason.TIMEOUT)
    metrics.count_shim_request("made up")

    resyncs = series(registry, "resyncs_total")
    assert set(resyncs) == {*ResyncCause, "other"}
    assert resyncs[ResyncCause.WATCH_LOST] == 1
    requests = series(registry, "shim_requests_total")
    assert set(requests) == {*Reason, "other"} - {Reason.PENDING}
    assert (requests[Reason.TIMEOUT], requests[Reason.OK], requests["other"]) == (1, 0, 1)


def test_sandboxes_are_those_of_the_sources_that_are_named(
    registry: CollectorRegistry, metrics: DiscoveryMetrics
) -> None:
    metrics.set_sandboxes({"directory:/run/kata": 0, "static": 2})
    assert series(registry, "sandboxes") == {"directory:/run/kata": 0, "static": 2}

    metrics.set_sandboxes({"static": 1})

    assert series(registry, "sandboxes") == {"static": 1}


@pytest.mark.real
def test_promtool_finds_nothing_to_say(
    registry: CollectorRegistry, metrics: DiscoveryMetrics
) -> None:
    metrics.set_present(DIRECTORY, present=True)
    metrics.set_inotify(DIRECTORY, inotify=False)
    metrics.set_sandboxes({"static": 1})

    page = generate_latest(registry).decode().splitlines(keepends=True)

    assert check_metrics("".join(line for line in page if "_created" not in line).encode()) == ""
