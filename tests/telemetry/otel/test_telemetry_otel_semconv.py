"""Tests of the names on spans."""

import pytest

from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.otel import semconv

INFO = CallInfo(
    method="grpc.AgentService/StatsContainer",
    target=CallTarget("/run/vc/a.sock", sandbox_id="demo-1", namespace="shop", pod="web-0"),
    container_id="ctr-one",
    container_name="app",
)


def test_span_is_named_after_service_and_method() -> None:
    assert semconv.span_name(INFO) == "grpc.AgentService/StatsContainer"


def test_a_starting_call_tells_the_whole_of_its_target() -> None:
    assert semconv.start_attributes(INFO) == {
        "rpc.system.name": "ttrpc",
        "rpc.method": "grpc.AgentService/StatsContainer",
        "server.address": "/run/vc/a.sock",
        "kata.sandbox.id": "demo-1",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-0",
        "k8s.container.name": "app",
        "container.id": "ctr-one",
    }


def test_what_is_not_known_is_left_out() -> None:
    attributes = semconv.start_attributes(CallInfo("grpc.Health/Check", CallTarget("3")))

    assert attributes == {
        "rpc.system.name": "ttrpc",
        "rpc.method": "grpc.Health/Check",
        "server.address": "3",
    }


def test_success_has_sizes_and_no_error_type() -> None:
    outcome = CallOutcome(Reason.OK, "OK", request_bytes=2, response_bytes=300)

    assert semconv.end_attributes(outcome) == {
        "kata.reason": "ok",
        "rpc.response.status_code": "OK",
        "rpc.request.size": 2,
        "rpc.response.size": 300,
    }
    assert not semconv.failed(outcome)


@pytest.mark.parametrize(
    ("reason", "code"),
    [(Reason.POLICY_BLOCKED, "PERMISSION_DENIED"), (Reason.UNSUPPORTED, "UNIMPLEMENTED")],
)
def test_a_denied_or_missing_call_is_a_state_and_no_error(reason: Reason, code: str) -> None:
    outcome = CallOutcome(reason, code, "denied by policy")
    attributes = semconv.end_attributes(outcome)

    assert not semconv.failed(outcome)
    assert "error.type" not in attributes
    assert attributes["rpc.response.status_code"] == code
    assert attributes["kata.reason"] == reason


@pytest.mark.parametrize(
    ("reason", "code", "error_type"),
    [
        (Reason.TIMEOUT, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
        (Reason.AGENT_ERROR, "INTERNAL", "INTERNAL"),
        (Reason.CONNECT_FAILED, "", "connect_failed"),
        (Reason.PROTOCOL_ERROR, "OK", "protocol_error"),
    ],
)
def test_error_type_is_the_status_or_the_reason(reason: Reason, code: str, error_type: str) -> None:
    outcome = CallOutcome(reason, code, "no")
    attributes = semconv.end_attributes(outcome)

    assert semconv.failed(outcome)
    assert attributes["error.type"] == error_type
    assert attributes.get("rpc.response.status_code", "") == code


@pytest.mark.parametrize("reason", Reason)
def test_error_type_is_there_exactly_on_failures(reason: Reason) -> None:
    outcome = CallOutcome(reason, "UNKNOWN")

    assert ("error.type" in semconv.end_attributes(outcome)) == semconv.failed(outcome)


def test_texts_are_made_safe_for_a_batch_and_a_reader() -> None:
    target = CallTarget("/run/\udcff.sock", pod="web\x1b[31m\n\u202e" + "x" * 5000)
    attributes = semconv.start_attributes(CallInfo("s/m", target))

    assert attributes["server.address"] == r"/run/\udcff.sock"
    pod = attributes["k8s.pod.name"]
    assert isinstance(pod, str)
    assert pod.startswith(r"web\u001b[31m\n\u202exx")
    assert pod.isprintable()
    assert len(pod) < 1100


def test_an_escaped_message_is_not_escaped_again() -> None:
    assert semconv.description(CallOutcome(Reason.TIMEOUT, "", r"a\nb \x1b")) == r"a\nb \x1b"
