"""Traces that begin here, held until they have ended: only then is it known what to do with them.

A collection is a trace of some spans. The sampler decides as it begins; that something failed, or
took long, is known at its end. So all of its spans are recorded, and when the last one, the root,
has ended, the whole is handed on or let go. How many are held is bounded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context, create_key, get_value
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from kata_exporter.clock import Clock
from kata_exporter.telemetry.otel.counts import SpanCounter, SpanOutcome
from kata_exporter.telemetry.otel.rules import SpanBudget, TraceRules
from kata_exporter.telemetry.trace_link import TraceLink

MAX_HELD_SPANS = 16_384
"""Of all traces together; a span takes one to two KiB."""
MAX_SPANS_PER_TRACE = 512
"""A collection has a call for each container, and a few more."""

LINK = create_key("kata-exporter-trace-link")
"""Key of a context: the `TraceLink` of the trace that begins with it."""

Release = Callable[[Sequence[ReadableSpan]], None]

_NS = 1_000_000_000


@dataclass(slots=True)
class _Open:
    root: int
    """Span id."""
    link: TraceLink | None
    spans: list[ReadableSpan] = field(default_factory=list)


class LocalTraces(SpanProcessor):
    """Holds the spans of traces that begin here, and hands on those that are to be exported.

    Spans whose trace began elsewhere, as the caller of a scrape's, are handed on as they end. For
    one thread.

    Args:
        release: takes what is to be exported, a trace or a part of one at a time.
        counter: is told of what isn't.
        clock: for the bound in a minute.
        rules: what is kept beside what was sampled.
    """

    def __init__(
        self, release: Release, *, counter: SpanCounter, clock: Clock, rules: TraceRules
    ) -> None:
        self._release = release
        self._counter = counter
        self._clock = clock
        self._budget = SpanBudget(rules.max_spans_per_minute, clock.monotonic())
        self._open: dict[int, _Open] = {}
        self._held = 0
        self.rules = rules

    def configure(self, rules: TraceRules) -> None:
        """Have other rules hold for traces that end from now on."""
        self.rules = rules
        self._budget.resize(rules.max_spans_per_minute)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Begin a trace, if the span has no parent."""
        context = span.context
        if span.parent is not None or context is None:
            return
        link = get_value(LINK, parent_context) if parent_context is not None else None
        self._open[context.trace_id] = _Open(
            context.span_id, link if isinstance(link, TraceLink) else None
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Hold a span; with the root, the trace has ended."""
        context = span.context
        if context is None:
            return
        trace = self._open.get(context.trace_id)
        if trace is None:
            self._end_of_others(span, context)
        elif context.span_id == trace.root:
            del self._open[context.trace_id]
            self._held -= len(trace.spans)
            self._decide([*trace.spans, span], trace.link)
        elif self._held >= MAX_HELD_SPANS or len(trace.spans) >= MAX_SPANS_PER_TRACE:
            self._counter.count(SpanOutcome.BUFFER_FULL, 1)
        else:
            trace.spans.append(span)
            self._held += 1

    def _end_of_others(self, span: ReadableSpan, context: SpanContext) -> None:
        if context.trace_flags.sampled:
            self._hand_on([span], None)
        else:
            self._counter.count(SpanOutcome.NOT_SAMPLED, 1)

    def _decide(self, spans: Sequence[ReadableSpan], link: TraceLink | None) -> None:
        chosen = spans if self._keeps(spans) else [span for span in spans if _is_sampled(span)]
        if len(chosen) < len(spans):
            self._counter.count(SpanOutcome.NOT_SAMPLED, len(spans) - len(chosen))
        if chosen:
            self._hand_on(chosen, link)

    def _keeps(self, spans: Sequence[ReadableSpan]) -> bool:
        """Whether a trace, whose root is its last span, is kept whatever the sampler chose."""
        rules = self.rules
        if rules.keep_failed and any(s.status.status_code is StatusCode.ERROR for s in spans):
            return True
        # Only collections are quick unless something is wrong: a wait is as long as nothing happens.
        if spans[-1].kind is not SpanKind.INTERNAL:
            return False
        return 0 < rules.keep_slower_than_seconds <= _seconds(spans[-1])

    def _hand_on(self, spans: Sequence[ReadableSpan], link: TraceLink | None) -> None:
        if not self._budget.take(len(spans), self._clock.monotonic()):
            self._counter.count(SpanOutcome.OVER_LIMIT, len(spans))
            return
        if link is not None:
            link.exported = True
        self._release([_as_sampled(span) for span in spans])


def _is_sampled(span: ReadableSpan) -> bool:
    return span.context is not None and span.context.trace_flags.sampled


def _seconds(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / _NS


def _as_sampled(span: ReadableSpan) -> ReadableSpan:
    """Return a span that was kept as one that was sampled, which is what exporters take."""
    context = span.context
    if context is None or context.trace_flags.sampled:
        return span
    return ReadableSpan(
        name=span.name,
        context=SpanContext(
            context.trace_id,
            context.span_id,
            is_remote=False,
            trace_flags=TraceFlags(context.trace_flags | TraceFlags.SAMPLED),
            trace_state=context.trace_state,
        ),
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
