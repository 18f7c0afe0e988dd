"""What the page says of CRI and of containerd's events, read back with prometheus-client's parser."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.telemetry.selfmetrics import SelfMetrics
from kata_exporter.telemetry.status_codes import STATUS_CODES
from promtool import check_metrics


def samples(metrics: SelfMetrics) -> dict[str, float]:
    """Samples of these families by name and label, as ``name{value}``."""
    return {
        f"{sample.name}{''.join(f'{{{value}}}' for value in sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name.startswith(("kata_exporter_cri_", "kata_exporter_containerd_"))
    }


def test_what_is_off_is_absent() -> None:
    assert samples(SelfMetrics([])) == {}


def test_cri_is_stale_until_it_has_answered_and_while_it_does_not() -> None:
    metrics = SelfMetrics([])
    cri = metrics.cri_metrics(["bad_id"])
    assert samples(metrics)["kata_exporter_cri_stale"] == 1
    assert "kata_exporter_cri_last_success_timestamp_seconds" not in samples(metrics)

    cri.listed(1_800_000_000.5)
    assert samples(metrics)["kata_exporter_cri_stale"] == 0

    cri.stale()
    cri.listed(1_800_000_010.5)
    cri.stale()
    found = samples(metrics)
    assert found["kata_exporter_cri_stale"] == 1
    assert found["kata_exporter_cri_last_success_timestamp_seconds"] == 1_800_000_010.5


def test_errors_of_cri_are_a_closed_set_that_is_there_from_the_start() -> None:
    metrics = SelfMetrics([])
    cri = metrics.cri_metrics(["bad_id"])
    cri.failed("UNAVAILABLE")
    cri.failed("made up")
    cri.rejected("bad_id", 3)

    found = samples(metrics)
    codes = [name for name in found if name.startswith("kata_exporter_cri_errors_total")]
    assert len(codes) == len(STATUS_CODES)  # without OK, with other
    assert found["kata_exporter_cri_errors_total{UNAVAILABLE}"] == 1
    assert found["kata_exporter_cri_errors_total{other}"] == 1
    assert found["kata_exporter_cri_rejected_total{bad_id}"] == 3


def test_containerd_tells_whether_events_are_heard_and_how_often_that_broke() -> None:
    metrics = SelfMetrics([])
    containerd = metrics.containerd_metrics(["/tasks/oom"], ["exec"])
    assert samples(metrics)["kata_exporter_containerd_subscribed"] == 0

    containerd.subscribed()
    containerd.heard("/tasks/oom")
    containerd.ignored("exec")
    assert samples(metrics)["kata_exporter_containerd_subscribed"] == 1

    containerd.interrupted()
    containerd.failed("UNAVAILABLE")
    found = samples(metrics)
    assert found["kata_exporter_containerd_subscribed"] == 0
    assert found["kata_exporter_containerd_interruptions_total"] == 1
    assert found["kata_exporter_containerd_errors_total{UNAVAILABLE}"] == 1
    assert found["kata_exporter_containerd_events_total{/tasks/oom}"] == 1
    assert found["kata_exporter_containerd_events_ignored_total{exec}"] == 1


@pytest.mark.real
def test_the_families_pass_promtool() -> None:
    metrics = SelfMetrics([])
    metrics.cri_metrics(["bad_id"]).listed(1.0)
    metrics.containerd_metrics(["/tasks/oom"], ["exec"]).subscribed()

    assert check_metrics(metrics.render()) == ""
