"""Tests of tracing as a whole, with collectors on loopback: real, deaf, and absent."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry import propagate, trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from kata_exporter import __version__
from kata_exporter.errors import ConfigError, Reason
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.otel import tracing_from_environment
from kata_exporter.telemetry.otel.tracing import Tracing
from otlp_receiver import otlp_receiver, plain

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
INFO = CallInfo(
    "grpc.AgentService/GetMetrics", CallTarget("/run/a.sock", "demo-1", "shop", "web-0")
)
OK = CallOutcome(Reason.OK, "OK", request_bytes=0, response_bytes=27_000)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine may have set; loopback is reached without a proxy."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Wait for tracing's threads to end, as they do once a collector has hung up."""
    yield
    for thread in threading.enumerate():
        if thread.name.lower().startswith("otel"):
            thread.join(10)
            assert not thread.is_alive(), thread


def start(endpoint: str, **environ: str) -> Tracing:
    tracing = tracing_from_environment({ENDPOINT: endpoint, **environ})
    assert tracing is not None
    return tracing


def seconds_to_shut_down(tracing: Tracing, timeout_seconds: float) -> float:
    begin = time.monotonic()
    tracing.shutdown(timeout_seconds)
    return time.monotonic() - begin


def test_spans_reach_an_http_collector_whole() -> None:
    message = r"forged\nline \x1b[2J"
    with otlp_receiver() as (url, received):
        tracing = start(url)
        watch = tracing.hook.started(INFO)
        watch.event("dial")
        traceparent = dict(watch.metadata())["traceparent"]
        watch.ended(OK)
        tracing.hook.started(INFO).ended(CallOutcome(Reason.AGENT_ERROR, "INTERNAL", message))
        tracing.shutdown(20)

        assert received.paths == ["/v1/traces"]
        assert received.resource["service.name"] == "kata-exporter"
        assert received.resource["service.version"] == __version__
        good, bad = received.spans

    assert good.name == "grpc.AgentService/GetMetrics"
    assert good.kind == Span.SPAN_KIND_CLIENT
    assert traceparent.startswith(f"00-{good.trace_id.hex()}-{good.span_id.hex()}-")
    assert [event.name for event in good.events] == ["dial"]
    assert plain(iter(good.attributes)) == {
        "rpc.system.name": "ttrpc",
        "rpc.method": "grpc.AgentService/GetMetrics",
        "rpc.response.status_code": "OK",
        "rpc.request.size": 0,
        "rpc.response.size": 27_000,
        "server.address": "/run/a.sock",
        "kata.sandbox.id": "demo-1",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-0",
        "kata.reason": "ok",
    }
    assert good.status.code == Status.STATUS_CODE_UNSET
    assert (bad.status.code, bad.status.message) == (Status.STATUS_CODE_ERROR, message)
    assert plain(iter(bad.attributes))["error.type"] == "INTERNAL"


def test_one_target_with_text_that_is_no_utf8_costs_no_other_its_spans() -> None:
    with otlp_receiver() as (url, received):
        tracing = start(url)
        tracing.hook.started(CallInfo("s/m", CallTarget("/run/\udcff.sock"))).ended(OK)
        tracing.hook.started(INFO).ended(OK)
        tracing.shutdown(20)

        addresses = [plain(iter(span.attributes))["server.address"] for span in received.spans]
    assert addresses == [r"/run/\udcff.sock", "/run/a.sock"]


@pytest.mark.parametrize(
    ("given", "process", "name"),
    [
        ("", "", "kata-exporter"),
        ("", "service.name=from-attributes,region=north", "from-attributes"),
        ("from-name", "service.name=from-attributes", "from-name"),
    ],
)
def test_service_name(given: str, process: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", process)
    with otlp_receiver() as (url, received):
        tracing = start(url, OTEL_SERVICE_NAME=given)
        tracing.hook.started(INFO).ended(OK)
        tracing.shutdown(20)

        assert received.resource["service.name"] == name
        assert received.resource.get("region") == ("north" if "region" in process else None)


def test_variables_that_the_sdk_knows_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with otlp_receiver() as (url, received):
        tracing = start(url)
        watch = tracing.hook.started(INFO)
        flags = dict(watch.metadata())["traceparent"].rpartition("-")[2]
        watch.ended(OK)
        tracing.shutdown(20)

        assert int(flags, 16) & 1 == 0
        assert received.spans == []


def test_headers_from_the_environment_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
    with otlp_receiver() as (url, received):
        tracing = start(url)
        tracing.hook.started(INFO).ended(OK)
        tracing.shutdown(20)

        assert received.headers[0]["x-tenant"] == "blue"


@pytest.mark.parametrize(("names", "keys"), [("none", []), ("tracecontext", ["traceparent"])])
def test_propagators(names: str, keys: list[str]) -> None:
    with otlp_receiver() as (url, _):
        tracing = start(url, OTEL_PROPAGATORS=names)
        watch = tracing.hook.started(INFO)

        assert [key for key, _ in watch.metadata()] == keys

        watch.ended(OK)
        tracing.shutdown(20)


def test_global_provider_and_propagator_are_left_alone() -> None:
    before = (trace.get_tracer_provider(), propagate.get_global_textmap())
    with otlp_receiver() as (url, _):
        start(url).shutdown(20)

    assert (trace.get_tracer_provider(), propagate.get_global_textmap()) == before


def test_a_propagator_that_is_not_installed_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^OTEL_PROPAGATORS: 'b4' .*; use .*tracecontext"):
        start("http://127.0.0.1:1", OTEL_PROPAGATORS="tracecontext,b4")


def test_a_value_that_the_sdk_refuses_ends_in_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "many")
    with pytest.raises(ConfigError, match=r"^tracing can't be set up by the OTEL_ variables: ."):
        start("http://127.0.0.1:1")


def test_shutdown_is_bounded_when_the_collector_never_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as hole:
        tracing = start(f"http://127.0.0.1:{hole.getsockname()[1]}")
        tracing.hook.started(INFO).ended(OK)

        seconds = seconds_to_shut_down(tracing, 0.3)

    assert 0.3 <= seconds < 2
    assert "spans that the collector has not taken are dropped" in caplog.messages


def test_shutdown_is_bounded_when_no_collector_listens() -> None:
    tracing = start(f"http://127.0.0.1:{_closed_port()}")
    tracing.hook.started(INFO).ended(OK)

    assert seconds_to_shut_down(tracing, 0.3) < 2


def test_calls_are_not_held_up_by_a_collector_that_never_answers() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as hole:
        tracing = start(
            f"http://127.0.0.1:{hole.getsockname()[1]}",
            OTEL_BSP_MAX_QUEUE_SIZE="64",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="8",
        )
        begin = time.monotonic()
        for _ in range(2000):
            tracing.hook.started(INFO).ended(OK)
        seconds = time.monotonic() - begin
        tracing.shutdown(0)

    # One export that waited for the collector would have taken ten seconds.
    assert seconds < 5


def test_nothing_more_is_sent_after_shutdown() -> None:
    with otlp_receiver() as (url, received):
        tracing = start(url)
        tracing.shutdown(20)
        tracing.hook.started(INFO).ended(OK)
        tracing.shutdown(20)

        assert received.requests == []


def _grpc_exchange(*arguments: str) -> dict[str, object]:
    script = Path(__file__).with_name("grpc_exchange.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def test_spans_reach_a_grpc_collector() -> None:
    assert _grpc_exchange() == {
        "service": ["kata-exporter"],
        "name": "grpc.Health/Check",
        "kind": Span.SPAN_KIND_CLIENT,
    }


def test_a_grpc_collector_that_never_answers_holds_up_neither_shutdown_nor_exit() -> None:
    begin = time.monotonic()
    seconds = _grpc_exchange("hole")["seconds"]

    assert isinstance(seconds, float)
    assert 0.5 <= seconds < 2.5
    # The exporter's own time-out is ten seconds.
    assert time.monotonic() - begin < 9


def _closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as once:
        port = once.getsockname()[1]
    assert isinstance(port, int)
    return port


def test_a_collector_that_is_down_costs_a_line_or_two_and_no_time_at_exit() -> None:
    program = (
        "import os\n"
        "from kata_exporter.errors import Reason\n"
        "from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget\n"
        "from kata_exporter.telemetry.logs import configure_logging\n"
        "from kata_exporter.telemetry.otel import tracing_from_environment\n"
        "configure_logging('info', 'json')\n"
        "tracing = tracing_from_environment(os.environ)\n"
        "call = tracing.hook.started(CallInfo('s/m', CallTarget('3')))\n"
        "call.ended(CallOutcome(Reason.OK, 'OK'))\n"
        "tracing.shutdown(1.5)\n"  # long enough for a second attempt, which isn't told of
    )
    environ = {**os.environ, ENDPOINT: f"http://127.0.0.1:{_closed_port()}"}
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )

    library, *ours = (json.loads(line) for line in done.stderr.splitlines())
    assert library["library"].startswith("opentelemetry.exporter.otlp")
    assert "Connection refused" in library["msg"]
    # None where the exporter has given up by itself before.
    assert [line["msg"] for line in ours] in (
        [],
        ["spans that the collector has not taken are dropped"],
    )
    # An export goes on trying for ten seconds.
    assert time.monotonic() - begin < 9
