"""Agent calls as spans: a CLIENT span around each, and its context in the request's metadata."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from kata_exporter.telemetry.hooks import CallInfo, CallOutcome
from kata_exporter.telemetry.otel import semconv


class SpanHook:
    """Makes a span of each call, a child of the current span if there is one."""

    def __init__(self, tracer: Tracer, propagator: TextMapPropagator) -> None:
        self._tracer = tracer
        self._propagator = propagator

    def started(self, info: CallInfo) -> "SpanWatch":
        """Start the span of a call."""
        span = self._tracer.start_span(
            semconv.span_name(info),
            kind=SpanKind.CLIENT,
            attributes=semconv.start_attributes(info),
        )
        return SpanWatch(span, set_span_in_context(span), self._propagator)


class SpanWatch:
    """The span of one call."""

    def __init__(self, span: Span, context: Context, propagator: TextMapPropagator) -> None:
        self._span = span
        self._context = context
        self._propagator = propagator

    def metadata(self) -> Sequence[tuple[str, str]]:
        """Return the span's context, as ``traceparent``; keys are lower-case, as ttrpc has them."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=self._context)
        return tuple((key.lower(), value) for key, value in carrier.items())

    def event(self, name: str) -> None:
        """Note a step as a span event."""
        self._span.add_event(name)

    def ended(self, outcome: CallOutcome) -> None:
        """End the span with what the call got."""
        if self._span.is_recording():
            self._span.set_attributes(semconv.end_attributes(outcome))
            if semconv.failed(outcome):
                self._span.set_status(StatusCode.ERROR, semconv.description(outcome))
        self._span.end()
