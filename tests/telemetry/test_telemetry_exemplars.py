"""Exemplars stand on the bucket of their call, on a page in OpenMetrics alone."""

import pytest

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from kata_exporter.telemetry.exported_call import ExportedCall
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.selfmetrics import SelfMetrics
from page_parsers import ParsedSample, assert_parsers_agree, by_client

METHOD = "grpc.AgentService/GetMetrics"
BUCKET = "kata_exporter_agent_call_duration_seconds_bucket"


@pytest.fixture
def metrics(clock: FakeClock) -> SelfMetrics:
    metrics = SelfMetrics([])
    call(metrics, clock, 0.03)
    return metrics


def call(metrics: SelfMetrics, clock: FakeClock, seconds: float) -> None:
    watch = metrics.call_hook(clock).started(CallInfo(METHOD, CallTarget("3", "demo-1")))
    clock.advance(seconds)
    watch.ended(CallOutcome(Reason.OK, "OK"))


def exported(seconds: float, trace_id: str = "a" * 32, code: str = "OK") -> ExportedCall:
    return ExportedCall(METHOD, code, seconds, trace_id, "b" * 16, 1_800_000_000.25)


def buckets(metrics: SelfMetrics) -> dict[str, ParsedSample]:
    """Every bucket that has an exemplar, by its upper bound."""
    page = metrics.render_openmetrics()
    assert_parsers_agree(page, is_openmetrics=True)
    return {
        dict(sample.labels)["le"]: sample
        for sample in by_client(page, is_openmetrics=True)
        if sample.name == BUCKET and sample.exemplar
    }


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, "0.005"), (0.005, "0.005"), (0.03, "0.05"), (10.0, "10.0"), (11.0, "+Inf")],
)
def test_a_call_is_the_exemplar_of_the_bucket_that_it_belongs_to(
    metrics: SelfMetrics, seconds: float, bound: str
) -> None:
    metrics.exemplars.note(exported(seconds))

    assert {le: dict(sample.exemplar) for le, sample in buckets(metrics).items()} == {
        bound: {"trace_id": "a" * 32, "span_id": "b" * 16}
    }


def test_the_last_call_of_a_bucket_is_its_exemplar(metrics: SelfMetrics) -> None:
    for letter in "cde":
        metrics.exemplars.note(exported(0.03, letter * 32))

    (sample,) = buckets(metrics).values()
    assert dict(sample.exemplar)["trace_id"] == "e" * 32


def test_calls_of_another_code_are_no_exemplars_of_these(metrics: SelfMetrics) -> None:
    metrics.exemplars.note(exported(0.03, code="INTERNAL"))

    assert buckets(metrics) == {}


def test_codes_that_agents_make_up_add_nothing(metrics: SelfMetrics) -> None:
    for number in range(1000):
        metrics.exemplars.note(exported(0.03, code=f"MADE_UP_{number}"))

    assert len(metrics.exemplars._last) == 1


def test_the_line_has_ids_value_and_time(metrics: SelfMetrics) -> None:
    metrics.exemplars.note(exported(0.03))

    (line,) = [
        line for line in metrics.render_openmetrics().decode().splitlines() if " # {" in line
    ]
    assert line.endswith(f' # {{span_id="{"b" * 16}",trace_id="{"a" * 32}"}} 0.03 1800000000.25')


def test_the_text_format_has_no_exemplars(metrics: SelfMetrics) -> None:
    metrics.exemplars.note(exported(0.03))

    assert b" # {" not in metrics.render()


def test_chosen_families_have_theirs_and_the_page_its_end(metrics: SelfMetrics) -> None:
    metrics.exemplars.note(exported(0.03))
    page = metrics.render_openmetrics({"kata_exporter_agent_call_duration_seconds"})

    assert page.count(b"# TYPE") == 1
    assert page.count(b" # {") == 1
    assert page.endswith(b"# EOF\n")
