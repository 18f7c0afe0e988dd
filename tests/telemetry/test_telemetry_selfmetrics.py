"""Tests of the exporter's own metrics, read back with prometheus-client's parser."""

import platform

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from fake_clock import FakeClock
from kata_exporter import __version__
from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import NO_WATCH, CallHook, CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.own_metrics import DURATION_BUCKETS
from kata_exporter.telemetry.selfmetrics import (
    HTTP_HANDLERS,
    PROTOCOL_EVENTS,
    SelfMetrics,
)
from kata_exporter.telemetry.status_codes import STATUS_CODES
from kata_exporter.ttrpc import Code, Dropped, Violation
from kata_exporter.ttrpc.connection import TOO_LARGE_EVENT
from promtool import check_metrics

GET_METRICS = "grpc.AgentService/GetMetrics"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def metrics() -> SelfMetrics:
    return SelfMetrics(["bad_name", "too_many"])


def samples(metrics: SelfMetrics) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def value(metrics: SelfMetrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))


def label_values(metrics: SelfMetrics, name: str, label: str) -> set[str]:
    return {dict(labels)[label] for sample, labels in samples(metrics) if sample == name}


def make_call(
    hook: CallHook, clock: FakeClock, seconds: float, *, method: str = GET_METRICS, code: str = "OK"
) -> None:
    info = CallInfo(method, CallTarget("/run/a.sock", "demo-1", "shop", "web-0"), "ctr", "app")
    watch = hook.started(info)
    clock.advance(seconds)
    reason = Reason.OK if code == "OK" else Reason.AGENT_ERROR
    watch.ended(CallOutcome(reason, code))


def test_build_info_tells_versions(metrics: SelfMetrics) -> None:
    python_version = platform.python_version()
    built = value(
        metrics, "kata_exporter_build_info", version=__version__, python_version=python_version
    )
    assert built == 1


def test_calls_are_timed_by_method_and_code(metrics: SelfMetrics, clock: FakeClock) -> None:
    hook = metrics.call_hook(clock)
    make_call(hook, clock, 0.02)
    make_call(hook, clock, 3.0)
    make_call(hook, clock, 1.0, code="INTERNAL")

    name = "kata_exporter_agent_call_duration_seconds"
    ok = {"method": GET_METRICS, "code": "OK"}
    assert value(metrics, f"{name}_count", **ok) == 2
    assert value(metrics, f"{name}_sum", **ok) == pytest.approx(3.02)
    assert value(metrics, f"{name}_bucket", **ok, le="0.01") == 0
    assert value(metrics, f"{name}_bucket", **ok, le="0.025") == 1
    assert value(metrics, f"{name}_count", method=GET_METRICS, code="INTERNAL") == 1


def test_call_histogram_is_never_per_sandbox(metrics: SelfMetrics, clock: FakeClock) -> None:
    make_call(metrics.call_hook(clock), clock, 0.1)

    assert "demo-1" not in metrics.render().decode()


def test_buckets_are_those_of_the_conventions(metrics: SelfMetrics, clock: FakeClock) -> None:
    make_call(metrics.call_hook(clock), clock, 0.1)

    name = "kata_exporter_agent_call_duration_seconds_bucket"
    bounds = {float(bound) for bound in label_values(metrics, name, "le")}
    assert bounds == {*DURATION_BUCKETS, float("inf")}


def test_long_polls_are_left_out(metrics: SelfMetrics, clock: FakeClock) -> None:
    hook = metrics.call_hook(clock)
    make_call(hook, clock, 3600, method="grpc.AgentService/GetOOMEvent")

    name = "kata_exporter_agent_call_duration_seconds_count"
    assert label_values(metrics, name, "method") == set()
    long_poll = CallInfo("grpc.AgentService/GetOOMEvent", CallTarget("3"))
    assert hook.started(long_poll) is NO_WATCH


def test_codes_that_are_none_share_one_series(metrics: SelfMetrics, clock: FakeClock) -> None:
    hook = metrics.call_hook(clock)
    for number in range(100):
        make_call(hook, clock, 0.1, code=f"CODE_{number}")

    name = "kata_exporter_agent_call_duration_seconds_count"
    assert value(metrics, name, method=GET_METRICS, code="other") == 100
    assert label_values(metrics, name, "code") == {"other"}


def test_counters_are_at_zero_from_the_start(metrics: SelfMetrics) -> None:
    events = label_values(metrics, "kata_exporter_protocol_events_total", "event")
    results = label_values(metrics, "kata_exporter_collections_total", "result")

    assert value(metrics, "kata_exporter_rejected_total", reason="bad_name") == 0
    assert value(metrics, "kata_exporter_rejected_total", reason="too_many") == 0
    assert value(metrics, "kata_exporter_log_lines_suppressed_total") == 0
    assert value(metrics, "kata_exporter_http_requests_total", handler="/metrics", code="500") == 0
    assert events == {*PROTOCOL_EVENTS, "other"}
    assert results == {*Reason, "other"} - {Reason.PENDING}


def test_rejections_are_counted_by_reason(metrics: SelfMetrics) -> None:
    metrics.count_rejected("bad_name", 3)
    metrics.count_rejected("bad_name")
    metrics.count_rejected("never heard of")

    assert value(metrics, "kata_exporter_rejected_total", reason="bad_name") == 4
    assert value(metrics, "kata_exporter_rejected_total", reason="other") == 1
    reasons = label_values(metrics, "kata_exporter_rejected_total", "reason")
    assert reasons == {"bad_name", "too_many", "other"}


def test_collections_are_timed_and_counted_by_result(metrics: SelfMetrics) -> None:
    metrics.observe_collection(0.2, Reason.OK)
    metrics.observe_collection(5.0, Reason.TIMEOUT)
    metrics.observe_collection(5.0, "nonsense")

    assert value(metrics, "kata_exporter_collection_duration_seconds_count") == 3
    assert value(metrics, "kata_exporter_collections_total", result="ok") == 1
    assert value(metrics, "kata_exporter_collections_total", result="timeout") == 1
    assert value(metrics, "kata_exporter_collections_total", result="other") == 1


def test_protocol_events_are_counted(metrics: SelfMetrics) -> None:
    metrics.count_protocol_event(Dropped.LATE)
    metrics.count_protocol_event(Violation.ENVELOPE, 2)
    metrics.count_protocol_event("made up")

    name = "kata_exporter_protocol_events_total"
    assert value(metrics, name, event="late_answer") == 1
    assert value(metrics, name, event="envelope") == 2
    assert value(metrics, name, event="other") == 1


def test_closed_sets_are_those_of_ttrpc() -> None:
    assert set(PROTOCOL_EVENTS) == {*Dropped, *Violation, TOO_LARGE_EVENT}
    assert set(STATUS_CODES) == {code.name for code in Code}


def test_requests_are_counted_by_known_path_and_code(metrics: SelfMetrics) -> None:
    metrics.count_http_request("/metrics", 200)
    metrics.count_http_request("/metrics", 200)
    metrics.count_http_request("/metrics", 406)
    for number in range(50):
        metrics.count_http_request(f"/{number}.php", 404)
    metrics.count_http_request("/", 12345)

    name = "kata_exporter_http_requests_total"
    assert value(metrics, name, handler="/metrics", code="200") == 2
    assert value(metrics, name, handler="/metrics", code="406") == 1
    assert value(metrics, name, handler="other", code="404") == 50
    assert value(metrics, name, handler="/", code="other") == 1
    handlers = label_values(metrics, name, "handler")
    assert handlers == {*HTTP_HANDLERS, "other"}


def test_sandboxes_and_suppressed_lines(metrics: SelfMetrics) -> None:
    metrics.set_sandboxes(20)
    metrics.count_suppressed_log_lines()
    metrics.count_suppressed_log_lines(4)

    assert value(metrics, "kata_exporter_sandboxes") == 20
    assert value(metrics, "kata_exporter_log_lines_suppressed_total") == 5


def test_process_and_python_metrics_have_no_prefix(metrics: SelfMetrics) -> None:
    names = {name for name, _ in samples(metrics)}

    assert {"process_cpu_seconds_total", "process_open_fds", "python_info"} <= names
    assert "python_gc_collections_total" in names


def test_there_are_no_created_series(metrics: SelfMetrics, clock: FakeClock) -> None:
    make_call(metrics.call_hook(clock), clock, 0.1)

    assert "_created" not in metrics.render().decode()


def test_two_instances_share_nothing(metrics: SelfMetrics) -> None:
    twin = SelfMetrics(["bad_name"])
    metrics.count_rejected("bad_name")

    assert value(twin, "kata_exporter_rejected_total", reason="bad_name") == 0
    assert not any(family.name.startswith("kata_") for family in REGISTRY.collect())


@pytest.mark.real
def test_promtool_finds_nothing_to_say(metrics: SelfMetrics, clock: FakeClock) -> None:
    hook = metrics.call_hook(clock)
    make_call(hook, clock, 0.02)
    make_call(hook, clock, 1.0, code="INTERNAL")
    metrics.count_http_request("/metrics", 200)

    assert check_metrics(metrics.render()) == ""


def test_a_load_of_the_configuration_keeps_the_time_of_the_last_good_one(
    metrics: SelfMetrics,
) -> None:
    name = "kata_exporter_config_last_reload"
    metrics.set_config_loaded(successful=True, time=1000.5)
    metrics.set_config_loaded(successful=False, time=2000.5)

    assert value(metrics, f"{name}_successful") == 0
    assert value(metrics, f"{name}_success_timestamp_seconds") == 1000.5

    metrics.set_config_loaded(successful=True, time=3000.5)

    assert value(metrics, f"{name}_successful") == 1
    assert value(metrics, f"{name}_success_timestamp_seconds") == 3000.5
