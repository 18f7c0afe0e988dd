"""Tests of what the OTEL_ variables ask for."""

import subprocess
import sys

import pytest

from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.otel import tracing_from_environment
from kata_exporter.telemetry.otel.environment import (
    BatchSettings,
    OtlpProtocol,
    TraceSettings,
    trace_settings,
)

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
URL = "http://collector:4318"


def settings_of(**environ: str) -> TraceSettings:
    settings = trace_settings({BASE: URL, **environ})
    assert settings is not None
    return settings


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {BASE: ""},
        {BASE: "  ", TRACES: ""},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": URL},
        {BASE: URL, "OTEL_SDK_DISABLED": "true"},
        {BASE: URL, "OTEL_SDK_DISABLED": " TRUE "},
        {BASE: URL, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "nonsense", "OTEL_SERVICE_NAME": "x"},
    ],
)
def test_tracing_is_off(environ: dict[str, str]) -> None:
    assert trace_settings(environ) is None
    assert tracing_from_environment(environ) is None


def test_unconfigured_tracing_imports_no_opentelemetry_and_starts_no_thread() -> None:
    program = (
        "import sys, threading\n"
        "import kata_exporter.telemetry.otel as otel\n"
        "assert otel.tracing_from_environment({}) is None\n"
        "loaded = [name for name in sys.modules if name.startswith(('opentelemetry', 'grpc'))]\n"
        "assert not loaded, loaded\n"
        "assert threading.active_count() == 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_defaults_are_the_standards() -> None:
    assert settings_of() == TraceSettings(
        endpoint="http://collector:4318/v1/traces",
        protocol=OtlpProtocol.HTTP,
        service_name="",
        propagators=("tracecontext", "baggage"),
    )


def test_base_endpoint_may_end_in_a_slash_or_a_path() -> None:
    assert settings_of(**{BASE: URL + "/"}).endpoint == "http://collector:4318/v1/traces"
    assert settings_of(**{BASE: URL + "/otlp"}).endpoint == "http://collector:4318/otlp/v1/traces"


def test_traces_endpoint_wins_and_is_taken_as_it_is() -> None:
    assert settings_of(**{TRACES: "https://other/in"}).endpoint == "https://other/in"


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, OtlpProtocol.GRPC),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "GRPC"}, OtlpProtocol.GRPC),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, OtlpProtocol.HTTP),
        (
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
            },
            OtlpProtocol.GRPC,
        ),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ""}, OtlpProtocol.HTTP),
    ],
)
def test_protocol(environ: dict[str, str], protocol: OtlpProtocol) -> None:
    assert settings_of(**environ).protocol is protocol


@pytest.mark.parametrize("target", ["collector:4317", "http://collector:4317", "dns:///collector"])
def test_grpc_endpoint_has_no_path_added(target: str) -> None:
    environ = {BASE: target, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    if target.startswith("dns:"):
        with pytest.raises(ConfigError, match="is not a URL"):
            settings_of(**environ)
    else:
        assert settings_of(**environ).endpoint == target


@pytest.mark.parametrize(
    ("text", "propagators"),
    [
        ("tracecontext", ("tracecontext",)),
        (" baggage , TraceContext, baggage", ("baggage", "tracecontext")),
        ("none", ()),
        ("tracecontext,none", ()),
        ("", ("tracecontext", "baggage")),
        (",", ()),
    ],
)
def test_propagators(text: str, propagators: tuple[str, ...]) -> None:
    assert settings_of(OTEL_PROPAGATORS=text).propagators == propagators


def test_service_name() -> None:
    assert settings_of(OTEL_SERVICE_NAME="mine").service_name == "mine"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json'"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "x\x1b[2J\n"},
            r"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'x\x1b[2J'",
        ),
        ({"OTEL_TRACES_EXPORTER": "otlp,zipkin"}, "OTEL_TRACES_EXPORTER: 'zipkin'"),
        ({BASE: "collector:4318"}, f"{BASE}: 'collector:4318'"),
        ({BASE: "http://"}, f"{BASE}: 'http://'"),
        ({BASE: "http://[::1"}, f"{BASE}: 'http://[::1'"),
        ({TRACES: "http://c:port/v1"}, f"{TRACES}: 'http://c:port/v1'"),
        ({TRACES: "ftp://c/v1"}, f"{TRACES}: 'ftp://c/v1'"),
    ],
)
def test_bad_value_is_named_in_one_printable_line(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trace_settings({BASE: URL, **environ})
    text = str(caught.value)
    assert text.startswith(words)
    assert text.isprintable()


def test_spans_can_be_printed_with_and_without_a_collector() -> None:
    printed = trace_settings({}, console=True)
    both = settings_of(OTEL_TRACES_EXPORTER="otlp,console")
    only = settings_of(OTEL_TRACES_EXPORTER="console")

    assert printed is not None
    assert (printed.console, printed.endpoint) == (True, "")
    assert (both.console, both.endpoint) == (True, URL + "/v1/traces")
    assert (only.console, only.endpoint) == (True, "")
    assert trace_settings({"OTEL_SDK_DISABLED": "true"}, console=True) is None


@pytest.mark.parametrize(
    ("text", "old_names"),
    [("", False), ("rpc", False), ("http,rpc/dup", True), (" RPC/DUP ", True), ("database", False)],
)
def test_old_names_are_opted_into(text: str, *, old_names: bool) -> None:
    assert settings_of(OTEL_SEMCONV_STABILITY_OPT_IN=text).old_names is old_names


def test_batches_are_as_the_variables_say() -> None:
    settings = settings_of(
        OTEL_BSP_SCHEDULE_DELAY="250",
        OTEL_BSP_MAX_QUEUE_SIZE="100",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10",
    )

    assert settings.batches == BatchSettings(0.25, 100, 10)
    assert settings_of().batches == BatchSettings(5.0, 2048, 512)
    assert settings_of(OTEL_BSP_MAX_QUEUE_SIZE="100").batches == BatchSettings(5.0, 100, 100)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "99999999", "\u0663", "1" * 5000])
@pytest.mark.parametrize("name", ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE"])
def test_a_size_that_is_no_number_is_told(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .{{1,60}} is not a whole number from 1 to"):
        settings_of(**{name: text})


def test_a_batch_that_is_more_than_the_queue_is_told() -> None:
    with pytest.raises(ConfigError, match="BATCH_SIZE: 20 is more than OTEL_BSP_MAX_QUEUE_SIZE"):
        settings_of(OTEL_BSP_MAX_QUEUE_SIZE="10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="20")
