"""Tests of spans around calls, read from memory."""

from collections.abc import Iterator

import pytest
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallInfo, CallOutcome, CallTarget
from kata_exporter.telemetry.otel.hook import SpanHook

INFO = CallInfo(
    "grpc.AgentService/GetMetrics", CallTarget("/run/a.sock", "demo-1", "shop", "web-0")
)
OK = CallOutcome(Reason.OK, "OK")
W3C = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


class Spans:
    """A provider, a hook on it, and what it has finished."""

    def __init__(
        self, *, propagator: TextMapPropagator = W3C, sampler: Sampler | None = None
    ) -> None:
        self._memory = InMemorySpanExporter()
        self._provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self.tracer = self._provider.get_tracer("tests")
        self.hook = SpanHook(self.tracer, propagator)

    def finished(self) -> tuple[ReadableSpan, ...]:
        return self._memory.get_finished_spans()

    def close(self) -> None:
        self._provider.shutdown()


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    yield spans
    spans.close()


def test_a_call_is_one_client_span_with_its_steps_as_events(spans: Spans) -> None:
    watch = spans.hook.started(INFO)
    for step in ("dial", "connected", "sent"):
        watch.event(step)

    assert spans.finished() == ()

    watch.ended(OK)

    (span,) = spans.finished()
    assert span.name == "grpc.AgentService/GetMetrics"
    assert span.kind is SpanKind.CLIENT
    assert span.parent is None
    assert [event.name for event in span.events] == ["dial", "connected", "sent"]
    assert span.status.status_code is StatusCode.UNSET
    attributes = dict(span.attributes or {})
    assert attributes["kata.sandbox.id"] == "demo-1"
    assert attributes["kata.reason"] == "ok"


def test_a_failure_is_an_error_with_its_message(spans: Spans) -> None:
    spans.hook.started(INFO).ended(CallOutcome(Reason.TIMEOUT, "DEADLINE_EXCEEDED", "no answer"))

    (span,) = spans.finished()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "no answer"


def test_a_denial_is_no_error(spans: Spans) -> None:
    spans.hook.started(INFO).ended(CallOutcome(Reason.POLICY_BLOCKED, "PERMISSION_DENIED", "no"))

    (span,) = spans.finished()
    assert span.status.status_code is StatusCode.UNSET


def test_metadata_carries_the_context_of_this_very_span(spans: Spans) -> None:
    watch = spans.hook.started(INFO)
    ((key, value),) = watch.metadata()
    watch.ended(OK)

    (span,) = spans.finished()
    assert span.context is not None
    version, trace_id, span_id, flags = value.split("-")
    assert (key, version) == ("traceparent", "00")
    assert int(trace_id, 16) == span.context.trace_id
    assert int(span_id, 16) == span.context.span_id
    assert int(flags, 16) & 1 == 1


def test_the_current_span_is_the_parent(spans: Spans) -> None:
    with spans.tracer.start_as_current_span("collection") as parent:
        spans.hook.started(INFO).ended(OK)

    call = spans.finished()[0]
    assert call.parent == parent.get_span_context()


def test_baggage_of_the_current_context_goes_along(spans: Spans) -> None:
    token = attach(baggage.set_baggage("tenant", "blue"))
    try:
        watch = spans.hook.started(INFO)
    finally:
        detach(token)

    assert dict(watch.metadata())["baggage"] == "tenant=blue"
    watch.ended(OK)


def test_a_call_that_is_not_sampled_says_so_and_is_not_exported() -> None:
    spans = Spans(sampler=ALWAYS_OFF)
    watch = spans.hook.started(INFO)
    watch.event("dial")
    ((_, value),) = watch.metadata()
    watch.ended(CallOutcome(Reason.TIMEOUT, "DEADLINE_EXCEEDED", "no answer"))
    spans.close()

    assert int(value.rpartition("-")[2], 16) & 1 == 0
    assert spans.finished() == ()


class _UpperCase(TextMapPropagator):
    """Injects a key as HTTP headers are written."""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        del carrier, getter
        return context or Context()

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        del context
        setter.set(carrier, "X-Trace-Id", "Ab")

    @property
    def fields(self) -> set[str]:
        return {"X-Trace-Id"}


def test_metadata_keys_are_lower_case_whatever_the_propagator() -> None:
    spans = Spans(propagator=_UpperCase())
    watch = spans.hook.started(INFO)

    assert watch.metadata() == (("x-trace-id", "Ab"),)

    watch.ended(OK)
    spans.close()
