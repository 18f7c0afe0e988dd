"""Records of the exporter's own metrics, and the families made of them."""

import re

from prometheus_client import CollectorRegistry, generate_latest

from kata_exporter.metrics import MetricType, Scope
from kata_exporter.telemetry.own_metrics import (
    AGENT_CALL_DURATION,
    DURATION_BUCKETS,
    LOG_LINES_SUPPRESSED,
    OWN_METRICS,
    SANDBOXES,
    counter,
    gauge,
    histogram,
)


def test_a_family_has_name_type_and_help_of_its_record() -> None:
    registry = CollectorRegistry()
    gauge(SANDBOXES, registry).set(3)
    counter(LOG_LINES_SUPPRESSED, registry).inc()

    page = generate_latest(registry).decode()

    for metric, value in ((SANDBOXES, "3.0"), (LOG_LINES_SUPPRESSED, "1.0")):
        assert f"# HELP {metric.name} {metric.help}\n" in page
        assert f"# TYPE {metric.name} {metric.type}\n{metric.name} {value}\n" in page


def test_a_histogram_has_the_labels_of_its_record_and_the_buckets_of_durations() -> None:
    registry = CollectorRegistry()
    histogram(AGENT_CALL_DURATION, registry).labels(method="m", code="OK").observe(0.3)

    page = generate_latest(registry).decode()

    bounds = re.findall(r'_bucket\{code="OK",le="([^"]+)",method="m"\}', page)
    assert bounds == [*map(str, DURATION_BUCKETS), "+Inf"]


def test_records_are_the_exporters_own_and_durations_are_in_seconds() -> None:
    assert {metric.scope for metric in OWN_METRICS} == {Scope.EXPORTER}
    assert all(metric.name.startswith("kata_exporter_") for metric in OWN_METRICS)
    histograms = [metric for metric in OWN_METRICS if metric.type is MetricType.HISTOGRAM]
    assert len(histograms) == 3
    assert {metric.unit for metric in histograms} == {"seconds"}
