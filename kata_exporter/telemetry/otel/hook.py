"""What the exporter does as spans: agent calls, calls to the container runtime, rounds, scrapes.

A round is a trace, and its calls are children of its span. A call's context goes along in the
request's metadata; nothing that a guest says is ever taken for a context.
"""

from collections.abc import Sequence
from contextvars import Token

from opentelemetry.context import (
    Context,
    attach,
    create_key,
    detach,
    get_current,
    get_value,
    set_value,
)
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from kata_exporter.errors import Reason
from kata_exporter.model import OomRecord
from kata_exporter.telemetry.hooks import (
    CallInfo,
    CallOutcome,
    RequestInfo,
    RoundInfo,
    RoundOutcome,
)
from kata_exporter.telemetry.otel import semconv
from kata_exporter.telemetry.otel.local_traces import LINK
from kata_exporter.telemetry.trace_link import CURRENT_TRACE, TraceLink

_SHARED = create_key("kata-exporter-shared-attributes")
"""What the calls of a round have in common with it."""

_LEFT = RoundOutcome(Reason.CLOSED, "cancelled")


class SpanHook:
    """Makes a CLIENT span of each call, a child of the round's span if it is part of one."""

    def __init__(
        self, tracer: Tracer, propagator: TextMapPropagator, *, old_names: bool = False
    ) -> None:
        self._tracer = tracer
        self._propagator = propagator
        self._old_names = old_names

    def started(self, info: CallInfo) -> "SpanWatch":
        """Start the span of a call."""
        attributes = semconv.start_attributes(info, old_names=self._old_names)
        shared = get_value(_SHARED)
        if isinstance(shared, dict):
            attributes.update(shared)
        span = self._tracer.start_span(
            semconv.span_name(info), kind=SpanKind.CLIENT, attributes=attributes
        )
        return SpanWatch(
            span,
            set_span_in_context(span),
            self._propagator,
            waits=info.waits,
            old_names=self._old_names,
        )


class SpanWatch:
    """The span of one call."""

    def __init__(
        self,
        span: Span,
        context: Context,
        propagator: TextMapPropagator,
        *,
        waits: bool = False,
        old_names: bool = False,
    ) -> None:
        self._span = span
        self._waits = waits
        self._context = context
        self._propagator = propagator
        self._old_names = old_names

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
            self._span.set_attributes(
                semconv.end_attributes(outcome, waits=self._waits, old_names=self._old_names)
            )
            if semconv.call_failed(outcome, waits=self._waits):
                self._span.set_status(StatusCode.ERROR, semconv.description(outcome))
        self._span.end()


class RoundSpanHook:
    """Makes a span of each round; the calls that its task makes are children of it."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def started(self, info: RoundInfo) -> "RoundSpanWatch":
        """Start the trace of a round, and have the running task be part of it."""
        link = TraceLink()
        # A trace of its own, whatever the task was part of.
        context = set_value(LINK, link, Context())
        span = self._tracer.start_span(
            semconv.ROUND, context, attributes=semconv.round_attributes(info)
        )
        ids = span.get_span_context()
        link.trace_id, link.span_id = f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
        shared = set_value(_SHARED, semconv.shared_attributes(info), get_current())
        return RoundSpanWatch(span, attach(set_span_in_context(span, shared)), link)


class RoundSpanWatch:
    """The span of one round, from within its task."""

    def __init__(self, span: Span, token: Token[Context], link: TraceLink) -> None:
        self._span = span
        self._token = token
        self._link_token = CURRENT_TRACE.set(link)
        self._has_ended = False

    def ended(self, outcome: RoundOutcome) -> None:
        """End the span with what the round came to."""
        self._has_ended = True
        if self._span.is_recording():
            self._span.set_attributes(semconv.round_end_attributes(outcome))
            if semconv.round_failed(outcome):
                self._span.set_status(StatusCode.ERROR, semconv.round_description(outcome))
        self._span.end()

    def left(self) -> None:
        """Have the task be part of it no longer; a round that was cancelled ends here."""
        if not self._has_ended:
            self.ended(_LEFT)
        CURRENT_TRACE.reset(self._link_token)
        detach(self._token)


class RequestSpanHook:
    """Makes a SERVER span of each scrape, which continues the caller's trace if it tells of one."""

    def __init__(self, tracer: Tracer, propagator: TextMapPropagator) -> None:
        self._tracer = tracer
        self._propagator = propagator

    def started(self, info: RequestInfo) -> "RequestSpanWatch":
        """Start the span of a scrape."""
        span = self._tracer.start_span(
            semconv.request_name(info),
            self._propagator.extract(info.headers, Context()),
            SpanKind.SERVER,
            semconv.request_attributes(info),
        )
        return RequestSpanWatch(span)


class RequestSpanWatch:
    """The span of one scrape."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, status: int, body_bytes: int) -> None:
        """End the span with the answer."""
        if self._span.is_recording():
            self._span.set_attributes(semconv.request_end_attributes(status, body_bytes))
            if semconv.request_failed(status):
                self._span.set_status(StatusCode.ERROR)
        self._span.end()


class OomSpanHook:
    """Makes a span without length of each OOM, as an error, so that it is kept with what fails.

    It is linked to the collection that found it, if it was one.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def oom(self, record: OomRecord) -> None:
        """Make the span."""
        found_by = get_current_span().get_span_context()
        at_ns = int(record.time * 1e9)
        span = self._tracer.start_span(
            semconv.OOM,
            Context(),
            attributes=semconv.oom_attributes(record),
            links=[Link(found_by)] if found_by.is_valid else [],
            start_time=at_ns,
        )
        span.set_status(StatusCode.ERROR, semconv.OOM)
        span.end(at_ns)
