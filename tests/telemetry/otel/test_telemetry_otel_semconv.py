"""Tests of the names on spans."""

import pytest

from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import (
    CallInfo,
    CallOutcome,
    CallTarget,
    RequestInfo,
    RoundInfo,
    RoundOutcome,
)
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
    assert not semconv.call_failed(outcome)


@pytest.mark.parametrize(
    ("reason", "code"),
    [(Reason.POLICY_BLOCKED, "PERMISSION_DENIED"), (Reason.UNSUPPORTED, "UNIMPLEMENTED")],
)
def test_a_denied_or_missing_call_is_a_state_and_no_error(reason: Reason, code: str) -> None:
    outcome = CallOutcome(reason, code, "denied by policy")
    attributes = semconv.end_attributes(outcome)

    assert not semconv.call_failed(outcome)
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

    assert semconv.call_failed(outcome)
    assert attributes["error.type"] == error_type
    assert attributes.get("rpc.response.status_code", "") == code


@pytest.mark.parametrize("reason", Reason)
def test_error_type_is_there_exactly_on_failures(reason: Reason) -> None:
    outcome = CallOutcome(reason, "UNKNOWN")

    assert ("error.type" in semconv.end_attributes(outcome)) == semconv.call_failed(outcome)


def test_texts_are_made_safe_for_a_batch_and_a_reader() -> None:
    target = CallTarget("/run/\udcff.sock", pod="web\x1b[31m\n\u202e" + "x" * 5000)
    attributes = semconv.start_attributes(CallInfo("s/m", target))

    assert attributes["server.address"] == r"/run/\udcff.sock"
    pod = attributes["k8s.pod.name"]
    assert isinstance(pod, str)
    assert pod.startswith(r"web\u001b[31m\n\u202exx")
    assert pod.isprintable()
    assert len(pod) == 256


def test_an_escaped_message_is_not_escaped_again() -> None:
    assert semconv.description(CallOutcome(Reason.TIMEOUT, "", r"a\nb \x1b")) == r"a\nb \x1b"


def test_no_text_is_longer_than_256_characters_escaped() -> None:
    target = CallTarget("\x00" * 300, sandbox_id="b" * 300, pod="c" * 256)
    attributes = semconv.start_attributes(CallInfo("m" * 300, target))
    outcome = CallOutcome(Reason.AGENT_ERROR, "INTERNAL", "\u202e" * 500)

    texts = [*attributes.values(), semconv.description(outcome), semconv.span_name(INFO)]
    assert max(len(str(text)) for text in texts) == semconv.MAX_VALUE_CHARACTERS
    assert attributes["k8s.pod.name"] == "c" * 256
    assert str(attributes["server.address"]).endswith("...")


def test_old_names_stand_beside_the_new_ones_where_they_are_asked_for() -> None:
    start = semconv.start_attributes(INFO, old_names=True)
    end = semconv.end_attributes(CallOutcome(Reason.TIMEOUT, "DEADLINE_EXCEEDED"), old_names=True)

    assert start["rpc.system.name"] == start["rpc.system"] == "ttrpc"
    assert start["rpc.service"] == "grpc.AgentService"
    assert start["rpc.method"] == "grpc.AgentService/StatsContainer"
    assert end["rpc.response.status_code"] == "DEADLINE_EXCEEDED"
    assert end["rpc.grpc.status_code"] == 4
    unknown = semconv.end_attributes(CallOutcome(Reason.AGENT_ERROR, "17"), old_names=True)
    assert "rpc.grpc.status_code" not in unknown


def test_a_call_to_the_container_runtime_is_grpc() -> None:
    info = CallInfo("runtime.v1.RuntimeService/Version", CallTarget("/run/c.sock"), system="grpc")

    assert semconv.start_attributes(info)["rpc.system.name"] == "grpc"


def test_a_round_says_whose_it_is_and_how_it_came_to_be() -> None:
    info = RoundInfo("demo-1", "shop", "web-0", attempt=3, waited_seconds=0.25)

    assert semconv.round_attributes(info) == {
        "kata.sandbox.id": "demo-1",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-0",
        "kata.collection.attempt": 3,
        "kata.collection.wait_seconds": 0.25,
    }
    assert semconv.round_end_attributes(RoundOutcome(Reason.TIMEOUT, "no")) == {
        "kata.reason": "timeout",
        "error.type": "timeout",
    }
    assert semconv.round_end_attributes(RoundOutcome(Reason.OK)) == {"kata.reason": "ok"}


def test_a_scrape_has_the_names_of_http_and_only_our_faults_are_errors() -> None:
    info = RequestInfo("GET", "/metrics", "http", {})

    assert semconv.request_name(info) == "GET /metrics"
    assert semconv.request_attributes(info) == {
        "http.request.method": "GET",
        "http.route": "/metrics",
        "url.path": "/metrics",
        "url.scheme": "http",
    }
    assert semconv.request_end_attributes(200, 10) == {
        "http.response.status_code": 200,
        "http.response.body.size": 10,
    }
    assert semconv.request_end_attributes(500, 0)["error.type"] == "500"
    assert "error.type" not in semconv.request_end_attributes(400, 0)
