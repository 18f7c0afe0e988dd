"""What the standard ``OTEL_*`` variables ask for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. An empty value is as none.

This module doesn't import opentelemetry: with no endpoint set, neither its import nor its threads
are paid for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kata_exporter.clock import Clock
from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.exported_call import OnExported
from kata_exporter.telemetry.otel.counts import SpanCounter
from kata_exporter.telemetry.otel.rules import TraceRules

if TYPE_CHECKING:
    from kata_exporter.telemetry.otel.tracing import Tracing

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
_TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
_SDK_DISABLED = "OTEL_SDK_DISABLED"
_SERVICE_NAME = "OTEL_SERVICE_NAME"
_PROPAGATORS = "OTEL_PROPAGATORS"
_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
_BATCH_DELAY = "OTEL_BSP_SCHEDULE_DELAY"
_BATCH_QUEUE = "OTEL_BSP_MAX_QUEUE_SIZE"
_BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"

_TRACES_PATH = "/v1/traces"

_MAX_NUMBER = 10_000_000


class OtlpProtocol(StrEnum):
    """Protocols by which spans can leave, in the words of ``OTEL_EXPORTER_OTLP_PROTOCOL``."""

    GRPC = "grpc"
    HTTP = "http/protobuf"


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How spans are sent: so many at a time, or what there is after a delay; and how many may wait."""

    delay_seconds: float = 5.0
    max_queue_spans: int = 2048
    max_batch_spans: int = 512


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where spans go, and under which names."""

    endpoint: str
    """For HTTP the whole URL, path included; for gRPC a URL or a target. Empty for none: then they
    are only printed."""
    protocol: OtlpProtocol = OtlpProtocol.HTTP
    service_name: str = ""
    """Empty: what ``OTEL_RESOURCE_ATTRIBUTES`` says, or the default."""
    propagators: tuple[str, ...] = ("tracecontext", "baggage")
    batches: BatchSettings = BatchSettings()
    console: bool = False
    """Whether spans are printed as well."""
    old_names: bool = False
    """Whether attributes have the names of before RPC conventions 1.39 as well."""


def tracing_from_environment(
    environ: Mapping[str, str],
    *,
    console: bool = False,
    new_counter: Callable[[], SpanCounter] | None = None,
    clock: Clock | None = None,
    rules: TraceRules | None = None,
    on_exported: OnExported | None = None,
) -> "Tracing | None":
    """Set up tracing if the environment asks for it.

    `environ` decides where spans go, by which protocol, in which batches, under which names and
    with which propagators. All else (sampler, limits, headers, certificates, resource attributes)
    the SDK and its exporters read from the process's environment themselves.

    Args:
        environ: the variables.
        console: whether spans are printed on standard output, an endpoint or not.
        new_counter: makes who is told what becomes of spans; not called where there will be none.
        clock: for the bound in a minute.
        rules: what is exported beside what was sampled.
        on_exported: is told of each call whose span is on its way to a collector.

    Returns:
        None when no endpoint is set and nothing is printed, or tracing is switched off; then
        opentelemetry isn't imported.

    Raises:
        ConfigError: a variable has a value that can't be used.
    """
    settings = trace_settings(environ, console=console)
    if settings is None:
        return None
    from kata_exporter.telemetry.otel.tracing import (  # noqa: PLC0415  costs nothing unless asked for
        start_tracing,
    )

    return start_tracing(
        settings,
        counter=None if new_counter is None else new_counter(),
        clock=clock,
        rules=rules,
        on_exported=on_exported,
    )


def trace_settings(environ: Mapping[str, str], *, console: bool = False) -> TraceSettings | None:
    """Read the variables; None when spans go nowhere, or tracing is switched off.

    Raises:
        ConfigError: a variable has a value that can't be used.
    """
    if _value(environ, _SDK_DISABLED).lower() == "true":
        return None
    exporters = _exporters(environ)
    console = console or "console" in exporters
    own_endpoint = _value(environ, _TRACES_ENDPOINT)
    endpoint = own_endpoint or _value(environ, _ENDPOINT)
    if "otlp" not in exporters:
        endpoint = ""
    if not endpoint and not console:
        return None
    protocol = _protocol(environ)
    if endpoint:
        _check(endpoint, _TRACES_ENDPOINT if own_endpoint else _ENDPOINT, protocol)
        if protocol is OtlpProtocol.HTTP and not own_endpoint:
            endpoint = endpoint.rstrip("/") + _TRACES_PATH
    return TraceSettings(
        endpoint,
        protocol,
        _value(environ, _SERVICE_NAME),
        _propagators(environ),
        batches=_batches(environ),
        console=console,
        old_names="rpc/dup" in _words(environ, _OPT_IN, ""),
    )


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _words(environ: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    text = _value(environ, name) or default
    words = (word.strip().lower() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _exporters(environ: Mapping[str, str]) -> frozenset[str]:
    exporters = frozenset(_words(environ, _TRACES_EXPORTER, "otlp"))
    if unknown := exporters - {"otlp", "console", "none"}:
        raise ConfigError(
            f"{_TRACES_EXPORTER}: {min(unknown)!r} is not supported; use otlp, console or none"
        )
    return frozenset() if "none" in exporters else exporters


def _batches(environ: Mapping[str, str]) -> BatchSettings:
    usual = BatchSettings()
    queue = _number(environ, _BATCH_QUEUE, usual.max_queue_spans)
    batch = _number(environ, _BATCH_SIZE, min(usual.max_batch_spans, queue))
    if batch > queue:
        raise ConfigError(f"{_BATCH_SIZE}: {batch} is more than {_BATCH_QUEUE} lets wait, {queue}")
    delay_ms = _number(environ, _BATCH_DELAY, int(usual.delay_seconds * 1000))
    return BatchSettings(delay_ms / 1000, queue, batch)


def _number(environ: Mapping[str, str], name: str, usual: int) -> int:
    text = _value(environ, name)
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 8 and 1 <= int(text) <= _MAX_NUMBER):
        raise ConfigError(f"{name}: {text[:40]!r} is not a whole number from 1 to {_MAX_NUMBER}")
    return int(text)


def _protocol(environ: Mapping[str, str]) -> OtlpProtocol:
    name = _TRACES_PROTOCOL if _value(environ, _TRACES_PROTOCOL) else _PROTOCOL
    word = _value(environ, name) or OtlpProtocol.HTTP
    try:
        return OtlpProtocol(word.lower())
    except ValueError:
        raise ConfigError(
            f"{name}: {word!r} is not supported; use {' or '.join(OtlpProtocol)}"
        ) from None


def _propagators(environ: Mapping[str, str]) -> tuple[str, ...]:
    names = _words(environ, _PROPAGATORS, "tracecontext,baggage")
    return () if "none" in names else names


def _check(endpoint: str, variable: str, protocol: OtlpProtocol) -> None:
    if protocol is OtlpProtocol.GRPC and "://" not in endpoint:
        return  # a bare target, as collector:4317
    try:
        url = urlsplit(endpoint)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number, or half a bracket
        usable = False
    if not usable:
        raise ConfigError(f"{variable}: {endpoint!r} is not a URL such as http://collector:4318")
