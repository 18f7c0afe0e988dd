"""One span on its way to a collector, to see whether the collector takes it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from kata_exporter.telemetry.logs import escape
from kata_exporter.telemetry.otel.environment import TraceSettings, trace_settings
from kata_exporter.telemetry.otel.tracing import our_resource, span_exporter

SPAN_NAME = "kata-exporter doctor"

_LIBRARY = "opentelemetry"
_MAX_DETAIL_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a span; ``endpoint`` is without a password, ``detail`` is escaped and cut."""

    endpoint: str
    protocol: str
    taken: bool
    detail: str = ""


def send_one_span(environ: Mapping[str, str]) -> Sent | None:
    """Send a span where the variables say, and wait for the answer; None where they say nowhere.

    Blocks, for as long as ``OTEL_EXPORTER_OTLP_TIMEOUT`` says and a little more.

    Raises:
        ConfigError: a variable has a value that can't be used.
    """
    settings = trace_settings(environ)
    if settings is None or not settings.endpoint:
        return None
    heard = _Heard()
    library = logging.getLogger(_LIBRARY)
    library.addHandler(heard)
    try:
        taken = _send(settings)
    finally:
        library.removeHandler(heard)
    detail = "" if taken else heard.first
    return Sent(_shown(settings.endpoint), settings.protocol, taken, detail)


def _send(settings: TraceSettings) -> bool:
    provider = TracerProvider(ALWAYS_ON, our_resource(settings), shutdown_on_exit=False)
    exporter = span_exporter(settings)
    try:
        span = provider.get_tracer("kata_exporter").start_span(SPAN_NAME)
        span.end()
        assert isinstance(span, ReadableSpan)  # noqa: S101  as all of a provider of the SDK
        return exporter.export([span]) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()


class _Heard(logging.Handler):
    """Keeps what exporters log first: that names the cause, and no caller is told of it otherwise."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or escape(record.getMessage(), _MAX_DETAIL_CHARACTERS)


def _shown(endpoint: str) -> str:
    """Return an endpoint for people to read, without user and password."""
    scheme, separator, rest = endpoint.partition("://")
    if not separator:
        return escape(endpoint.rpartition("@")[2], _MAX_DETAIL_CHARACTERS)
    authority = urlsplit(endpoint).netloc
    without = rest.replace(authority, authority.rpartition("@")[2], 1)
    return escape(f"{scheme}://{without}", _MAX_DETAIL_CHARACTERS)
