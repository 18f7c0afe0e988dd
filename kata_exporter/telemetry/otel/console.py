"""Spans on standard output, for a first look: a line each, a collection's together."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from kata_exporter.telemetry.otel import semconv

_SHOWN = (
    semconv.SANDBOX_ID,
    semconv.K8S_NAMESPACE_NAME,
    semconv.K8S_POD_NAME,
    semconv.K8S_CONTAINER_NAME,
    semconv.RPC_STATUS_CODE,
    semconv.RPC_RESPONSE_SIZE,
    semconv.HTTP_STATUS_CODE,
    semconv.ATTEMPT,
    semconv.REASON,
)


def print_spans(spans: Sequence[ReadableSpan]) -> None:
    """Print the spans of a trace in the order in which they began, children indented."""
    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    with suppress(OSError, ValueError):  # nobody reads any more
        sys.stdout.write("".join(map(_line, ordered)))
        sys.stdout.flush()


def _line(span: ReadableSpan) -> str:
    context, attributes = span.context, span.attributes or {}
    begin, end = span.start_time or 0, span.end_time or 0
    at = datetime.fromtimestamp(begin / 1e9, UTC).isoformat(timespec="milliseconds")
    trace_id = f"{context.trace_id:032x}" if context is not None else ""
    indent = "  " if span.parent is not None and not span.parent.is_remote else ""
    shown = [f"{name}={attributes[name]!s}" for name in _SHOWN if name in attributes]
    if span.status.status_code is StatusCode.ERROR:
        shown.append(f"error={span.status.description or attributes.get(semconv.ERROR_TYPE)}")
    time = at.removesuffix("+00:00") + "Z"
    return f"{time} {trace_id} {indent}{span.name} {(end - begin) / 1e6:.1f}ms {' '.join(shown)}\n"
