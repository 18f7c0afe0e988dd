"""Tests of spans around calls, read from memory."""

import asyncio
from collections.abc import Iterator

import pytest
from multidict import CIMultiDict
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
from kata_exporter.model import OomKind, OomRecord, Pod
from kata_exporter.telemetry.hooks import (
    CallInfo,
    CallOutcome,
    CallTarget,
    RequestInfo,
    RoundGuard,
    RoundInfo,
    RoundOutcome,
)
from kata_exporter.telemetry.otel.hook import (
    OomSpanHook,
    RequestSpanHook,
    RoundSpanHook,
    SpanHook,
)
from kata_exporter.telemetry.trace_link import CURRENT_TRACE

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


def rounds_of(spans: Spans) -> RoundGuard:
    return RoundGuard(RoundSpanHook(spans.tracer))


ROUND = RoundInfo("demo-1", "shop", "web-0", attempt=2, waited_seconds=0.5)


async def test_calls_of_a_round_are_children_of_its_span_in_whatever_task(spans: Spans) -> None:
    async def call() -> None:
        spans.hook.started(INFO).ended(OK)

    with rounds_of(spans).watched(ROUND) as watch:
        await asyncio.gather(call(), call())
        watch.ended(RoundOutcome(Reason.OK))
    await call()

    first, second, root, later = spans.finished()
    assert (root.name, root.kind, root.parent) == ("collect sandbox", SpanKind.INTERNAL, None)
    assert first.parent == second.parent == root.context
    assert later.parent is None
    for child in (first, second):
        attributes = dict(child.attributes or {})
        assert attributes["kata.collection.attempt"] == 2
        assert attributes["kata.collection.wait_seconds"] == 0.5
    assert "kata.collection.attempt" not in dict(later.attributes or {})


async def test_rounds_at_the_same_time_are_traces_of_their_own(spans: Spans) -> None:
    async def one(name: str) -> None:
        with rounds_of(spans).watched(RoundInfo(name)) as watch:
            await asyncio.sleep(0)
            spans.hook.started(CallInfo("s/m", CallTarget("", name))).ended(OK)
            await asyncio.sleep(0)
            watch.ended(RoundOutcome(Reason.OK))

    with spans.tracer.start_as_current_span("not theirs"):
        await asyncio.gather(*(one(f"box-{n}") for n in range(10)))

    traces: dict[int, set[object]] = {}
    for span in spans.finished():
        assert span.context is not None
        sandbox = dict(span.attributes or {}).get("kata.sandbox.id")
        traces.setdefault(span.context.trace_id, set()).add(sandbox)
    assert sorted(map(len, traces.values())) == [1] * 11


def test_a_failed_round_is_an_error_and_a_cancelled_one_ends_all_the_same(spans: Spans) -> None:
    with rounds_of(spans).watched(ROUND) as watch:
        watch.ended(RoundOutcome(Reason.TIMEOUT, "no answer"))
    with pytest.raises(KeyboardInterrupt), rounds_of(spans).watched(ROUND):
        raise KeyboardInterrupt

    failed, left = spans.finished()
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "no answer")
    assert dict(left.attributes or {})["kata.reason"] == "closed"


def test_the_running_task_names_its_trace_until_the_round_is_left(spans: Spans) -> None:
    with rounds_of(spans).watched(ROUND) as watch:
        watch.ended(RoundOutcome(Reason.OK))
        link = CURRENT_TRACE.get()
    assert CURRENT_TRACE.get() is None

    (root,) = spans.finished()
    assert link is not None
    assert root.context is not None
    assert link.trace_id == f"{root.context.trace_id:032x}"
    assert link.span_id == f"{root.context.span_id:016x}"


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_scrape_continues_the_trace_of_its_caller(spans: Spans) -> None:
    hook = RequestSpanHook(spans.tracer, W3C)
    headers = CIMultiDict({"TraceParent": TRACEPARENT})

    hook.started(RequestInfo("GET", "/metrics", "http", headers)).ended(200, 10)

    (span,) = spans.finished()
    assert (span.name, span.kind) == ("GET /metrics", SpanKind.SERVER)
    assert span.parent is not None
    assert span.parent.is_remote
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert dict(span.attributes or {})["http.response.status_code"] == 200


@pytest.mark.parametrize(
    "headers", [{}, {"traceparent": "00-zz-1-01"}, {"traceparent": "x" * 9000}, {"baggage": "=;,"}]
)
def test_a_scrape_without_a_trace_that_can_be_read_begins_one(
    spans: Spans, headers: dict[str, str]
) -> None:
    hook = RequestSpanHook(spans.tracer, W3C)

    with spans.tracer.start_as_current_span("not its parent"):
        hook.started(RequestInfo("GET", "/metrics", "http", headers)).ended(500, 0)

    scrape = spans.finished()[0]
    assert scrape.parent is None
    assert scrape.status.status_code is StatusCode.ERROR


def test_a_wait_in_which_nothing_happened_is_no_error(spans: Spans) -> None:
    wait = CallInfo("grpc.AgentService/GetOOMEvent", CallTarget("3"), waits=True)
    spans.hook.started(wait).ended(CallOutcome(Reason.TIMEOUT, "DEADLINE_EXCEEDED", "no answer"))
    spans.hook.started(wait).ended(CallOutcome(Reason.CLOSED, "UNAVAILABLE", "gone"))

    quiet, broken = spans.finished()
    assert quiet.status.status_code is StatusCode.UNSET
    assert "error.type" not in dict(quiet.attributes or {})
    assert broken.status.status_code is StatusCode.ERROR


OOM = OomRecord(
    time=1_700_000_000.5,
    kind=OomKind.REPORTED,
    source="containerd",
    sandbox_id="demo-1",
    pod=Pod("shop", "web-0"),
    container="app",
    container_id="c1",
    working_set_bytes=60,
)


def test_an_oom_is_a_span_at_its_time_that_says_all_that_is_known(spans: Spans) -> None:
    OomSpanHook(spans.tracer).oom(OOM)

    (span,) = spans.finished()
    assert (span.name, span.parent, span.links) == ("out of memory", None, ())
    assert span.start_time == span.end_time == 1_700_000_000_500_000_000
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {
        "kata.sandbox.id": "demo-1",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "web-0",
        "k8s.container.name": "app",
        "container.id": "c1",
        "kata.oom.kind": "reported",
        "kata.oom.source": "containerd",
        "kata.oom.kills": 1,
        "kata.oom.working_set_bytes": 60,
    }


def test_an_oom_that_a_collection_found_is_linked_to_it(spans: Spans) -> None:
    with rounds_of(spans).watched(ROUND) as watch:
        watch.ended(RoundOutcome(Reason.OK))
        OomSpanHook(spans.tracer).oom(OOM)

    collection, oom = spans.finished()
    assert [link.context for link in oom.links] == [collection.context]
    assert oom.parent is None
