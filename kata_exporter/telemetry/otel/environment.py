"""What the standard ``OTEL_*`` variables ask for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. An empty value is as none.

This module doesn't import opentelemetry: with no endpoint set, neither its import nor its threads
are paid for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kata_exporter.errors import ConfigError

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

_TRACES_PATH = "/v1/traces"


class OtlpProtocol(StrEnum):
    """Protocols by which spans can leave, in the words of ``OTEL_EXPORTER_OTLP_PROTOCOL``."""

    GRPC = "grpc"
    HTTP = "http/protobuf"


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where spans go, and under which name."""

    endpoint: str
    """For HTTP the whole URL, path included; for gRPC a URL or a target."""
    protocol: OtlpProtocol = OtlpProtocol.HTTP
    service_name: str = ""
    """Empty: what ``OTEL_RESOURCE_ATTRIBUTES`` says, or the default."""
    propagators: tuple[str, ...] = ("tracecontext", "baggage")


def tracing_from_environment(environ: Mapping[str, str]) -> "Tracing | None":
    """Set up tracing if the environment asks for it.

    `environ` decides where spans go, by which protocol, under which service name and with which
    propagators. All else (sampler, batches, limits, headers, certificates, resource attributes)
    the SDK itself reads from the process's environment.

    Returns:
        None when no endpoint is set, or tracing is switched off; then opentelemetry isn't imported.

    Raises:
        ConfigError: a variable has a value that can't be used.
    """
    settings = trace_settings(environ)
    if settings is None:
        return None
    from kata_exporter.telemetry.otel.tracing import (  # noqa: PLC0415  costs nothing unless asked for
        start_tracing,
    )

    return start_tracing(settings)


def trace_settings(environ: Mapping[str, str]) -> TraceSettings | None:
    """Read the variables; None when there is no endpoint, or tracing is switched off.

    Raises:
        ConfigError: a variable has a value that can't be used.
    """
    own_endpoint = _value(environ, _TRACES_ENDPOINT)
    endpoint = own_endpoint or _value(environ, _ENDPOINT)
    if not endpoint or _value(environ, _SDK_DISABLED).lower() == "true" or not _wanted(environ):
        return None
    protocol = _protocol(environ)
    _check(endpoint, _TRACES_ENDPOINT if own_endpoint else _ENDPOINT, protocol)
    if protocol is OtlpProtocol.HTTP and not own_endpoint:
        endpoint = endpoint.rstrip("/") + _TRACES_PATH
    return TraceSettings(endpoint, protocol, _value(environ, _SERVICE_NAME), _propagators(environ))


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _words(environ: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    text = _value(environ, name) or default
    words = (word.strip().lower() for word in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _wanted(environ: Mapping[str, str]) -> bool:
    exporters = _words(environ, _TRACES_EXPORTER, "otlp")
    if unknown := set(exporters) - {"otlp", "none"}:
        raise ConfigError(
            f"{_TRACES_EXPORTER}: {min(unknown)!r} is not supported; use otlp or none"
        )
    return "none" not in exporters


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
