"""``doctor --otel`` sends a span, and says whether it was taken."""

from collections.abc import Mapping
from typing import Any

import pytest

from doctor_run import doctor, found
from kata_exporter.cli.doctor import collector
from kata_exporter.cli.doctor.collector import CollectorFacts
from kata_exporter.cli.doctor.finding import Verdict
from otlp_receiver import otlp_receiver

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def collector_found(env: Mapping[str, str]) -> dict[str, Any]:
    (finding,) = found(doctor("--otel", "--json", env={**DIRECT, **env}))["collector"]
    return finding


def test_a_collector_that_takes_the_span_is_well() -> None:
    with otlp_receiver() as (url, received):
        finding = collector_found({ENDPOINT: url.replace("://", "://me:secret@")})

        assert [span.name for span in received.spans] == ["kata-exporter doctor"]
        assert received.resource["service.name"] == "kata-exporter"

    assert finding["verdict"] == "ok"
    assert finding["summary"] == f"{url}/v1/traces (http/protobuf) took a span"
    assert "secret" not in str(finding)


def test_a_collector_that_refuses_it_is_told_with_what_it_said() -> None:
    with otlp_receiver(status=400) as (url, received):
        finding = collector_found({ENDPOINT: url})

        assert len(received.paths) == 1

    assert finding["verdict"] == "problem"
    assert "took no span" in finding["summary"]
    assert "400" in finding["summary"]
    assert "4318" in finding["advice"][-1]


def test_nobody_who_listens_is_told() -> None:
    env = {ENDPOINT: "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "3"}

    finding = collector_found(env)

    assert finding["verdict"] == "problem"
    assert "refused" in finding["summary"]


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, "no endpoint is set"),
        ({ENDPOINT: "collector"}, "is not a URL"),
        ({ENDPOINT: "http://127.0.0.1:9", "OTEL_BSP_MAX_QUEUE_SIZE": "x"}, "OTEL_BSP_MAX_QUEUE_"),
    ],
)
def test_variables_that_send_spans_nowhere_are_a_problem(env: dict[str, str], told: str) -> None:
    finding = collector_found(env)

    assert finding["verdict"] == "problem"
    assert told in finding["summary"]
    assert finding["advice"]


def test_no_span_is_sent_unless_that_is_asked_for() -> None:
    with otlp_receiver() as (url, received):
        report = found(doctor("--json", env={**DIRECT, ENDPOINT: url}))

        assert received.paths == []
    assert "collector" not in report


def test_a_failure_without_a_reason_says_so() -> None:
    (finding,) = collector.judge(CollectorFacts("collector:4317", "grpc"))

    assert finding.verdict is Verdict.PROBLEM
    assert finding.summary == "collector:4317 (grpc) took no span: no reason given"
