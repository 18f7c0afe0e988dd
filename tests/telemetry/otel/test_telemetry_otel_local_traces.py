"""Traces are held until they have ended, and then handed on whole, in part, or not at all."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.context import Context, set_value
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from fake_clock import FakeClock
from kata_exporter.telemetry.otel import local_traces
from kata_exporter.telemetry.otel.counts import NoCounter, SpanOutcome
from kata_exporter.telemetry.otel.local_traces import LINK, LocalTraces
from kata_exporter.telemetry.otel.rules import TraceRules
from kata_exporter.telemetry.otel.sampler import RecordingSampler
from kata_exporter.telemetry.trace_link import TraceLink

BEGAN_NS = 1_700_000_000_000_000_000
NOTHING_KEPT = TraceRules(keep_failed=False, keep_slower_than_seconds=0)


class Counting(NoCounter):
    def __init__(self) -> None:
        self.counts: Counter[SpanOutcome] = Counter()

    def count(self, outcome: SpanOutcome, n: int) -> None:
        self.counts[outcome] += n


class Rig:
    """A provider whose traces are held, and what was handed on."""

    def __init__(
        self, clock: FakeClock, *, sampler: Sampler = ALWAYS_ON, rules: TraceRules | None = None
    ) -> None:
        self.released: list[list[str]] = []
        self.spans: list[ReadableSpan] = []
        self.counter = Counting()
        self.traces = LocalTraces(
            self._release, counter=self.counter, clock=clock, rules=rules or TraceRules()
        )
        standard = ParentBased(sampler)
        self.provider = TracerProvider(
            sampler=RecordingSampler(standard, lambda: self.traces.rules.keeps_any),
            shutdown_on_exit=False,
        )
        self.provider.add_span_processor(self.traces)
        self.tracer = self.provider.get_tracer("tests")

    def collect(
        self, *calls: str, failed: str = "", seconds: float = 0.01, link: TraceLink | None = None
    ) -> None:
        """Make a trace: a root, and a child for each call."""
        context = set_value(LINK, link, Context())
        root = self.tracer.start_span("root", context, start_time=BEGAN_NS)
        parent = set_span_in_context(root)
        for name in calls:
            call = self.tracer.start_span(name, parent, start_time=BEGAN_NS)
            if name == failed:
                call.set_status(StatusCode.ERROR, "no")
            call.end(BEGAN_NS + 1)
        root.end(BEGAN_NS + int(seconds * 1e9))

    def _release(self, spans: Sequence[ReadableSpan]) -> None:
        self.spans.extend(spans)
        self.released.append([span.name for span in spans])


def of_caller(*, sampled: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return set_span_in_context(NonRecordingSpan(SpanContext(7, 8, True, flags)), Context())


@pytest.fixture
def unsampled(clock: FakeClock) -> Iterator[Rig]:
    rig = Rig(clock, sampler=ALWAYS_OFF)
    yield rig
    rig.provider.shutdown()


def test_a_sampled_trace_is_handed_on_whole_once_it_has_ended(clock: FakeClock) -> None:
    rig = Rig(clock)
    root = rig.tracer.start_span("root")
    rig.tracer.start_span("call", set_span_in_context(root)).end()
    assert rig.released == []

    root.end()

    assert rig.released == [["call", "root"]]


def test_what_neither_was_sampled_nor_failed_nor_was_slow_is_let_go_and_counted(
    unsampled: Rig,
) -> None:
    unsampled.collect("a", "b")

    assert unsampled.released == []
    assert unsampled.counter.counts == {SpanOutcome.NOT_SAMPLED: 3}


def test_a_trace_in_which_a_call_failed_is_kept_whole_and_looks_sampled(unsampled: Rig) -> None:
    unsampled.collect("a", "b", failed="a")

    assert unsampled.released == [["a", "b", "root"]]
    assert all(span.context and span.context.trace_flags.sampled for span in unsampled.spans)
    root = unsampled.spans[-1]
    assert {span.context.trace_id for span in unsampled.spans if span.context} == {
        root.context.trace_id if root.context else 0
    }
    assert [span.parent.span_id for span in unsampled.spans[:2] if span.parent] == [
        root.context.span_id if root.context else 0
    ] * 2
    assert unsampled.spans[0].status.description == "no"


@pytest.mark.parametrize(("seconds", "kept"), [(1.999, 0), (2.0, 1), (60.0, 1)])
def test_a_slow_trace_is_kept(unsampled: Rig, seconds: float, kept: int) -> None:
    unsampled.collect("a", seconds=seconds)

    assert len(unsampled.released) == kept


def test_spans_of_a_kept_trace_tell_the_guest_that_they_were_not_sampled(unsampled: Rig) -> None:
    root = unsampled.tracer.start_span("root")

    assert root.is_recording()
    assert not root.get_span_context().trace_flags.sampled
    root.end()


def test_where_nothing_is_kept_nothing_is_recorded(clock: FakeClock) -> None:
    rig = Rig(clock, sampler=ALWAYS_OFF, rules=NOTHING_KEPT)

    assert not rig.tracer.start_span("root").is_recording()

    rig.traces.configure(TraceRules())
    root = rig.tracer.start_span("root")
    assert root.is_recording()
    root.end()


def test_rules_that_come_meanwhile_hold_for_traces_under_way(unsampled: Rig) -> None:
    root = unsampled.tracer.start_span("root")
    root.set_status(StatusCode.ERROR)
    unsampled.traces.configure(NOTHING_KEPT)
    root.end()

    assert unsampled.released == []


def test_a_trace_over_the_limit_is_dropped_whole_until_there_is_room_again(
    clock: FakeClock,
) -> None:
    rig = Rig(clock, rules=TraceRules(max_spans_per_minute=60))
    for _ in range(30):
        rig.collect("a", "b")
    assert len(rig.released) == 20
    assert rig.counter.counts == {SpanOutcome.OVER_LIMIT: 30}

    clock.advance(3.0)
    rig.collect("a", "b")
    rig.collect("a", "b")

    assert len(rig.released) == 21


def test_a_budget_does_not_grow_beyond_its_minute(clock: FakeClock) -> None:
    rig = Rig(clock, rules=TraceRules(max_spans_per_minute=60))
    clock.advance(86_400.0)
    for _ in range(61):
        rig.collect()

    assert len(rig.released) == 60


def test_spans_that_are_held_are_bounded_in_a_trace_and_over_all(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_traces, "MAX_SPANS_PER_TRACE", 3)
    monkeypatch.setattr(local_traces, "MAX_HELD_SPANS", 5)
    rig = Rig(clock)
    roots = [rig.tracer.start_span(f"root-{n}") for n in range(3)]
    for root in roots:
        for _ in range(4):
            rig.tracer.start_span("call", set_span_in_context(root)).end()

    assert rig.counter.counts == {SpanOutcome.BUFFER_FULL: 7}

    for root in roots:
        root.end()
    assert [len(names) for names in rig.released] == [4, 3, 1]

    rig.collect("a", "b", "c")
    assert rig.released[-1] == ["a", "b", "c", "root"]


@pytest.mark.parametrize("sampled", [True, False])
def test_a_span_whose_trace_began_elsewhere_is_the_callers_to_sample(
    clock: FakeClock, *, sampled: bool
) -> None:
    rig = Rig(clock, sampler=ALWAYS_OFF)
    span: Span = rig.tracer.start_span("GET /metrics", of_caller(sampled=sampled))
    span.set_status(StatusCode.ERROR)
    span.end()

    assert rig.released == ([["GET /metrics"]] if sampled else [])


def test_spans_of_callers_count_against_the_limit(clock: FakeClock) -> None:
    rig = Rig(clock, rules=TraceRules(max_spans_per_minute=60))
    for _ in range(100):
        rig.tracer.start_span("GET /metrics", of_caller(sampled=True)).end()

    assert len(rig.released) == 60
    assert rig.counter.counts == {SpanOutcome.OVER_LIMIT: 40}


@pytest.mark.parametrize("failed", ["", "a"])
def test_a_link_says_whether_its_trace_is_exported(unsampled: Rig, failed: str) -> None:
    link = TraceLink()
    unsampled.collect("a", failed=failed, link=link)

    assert link.exported == bool(failed)


def test_a_long_wait_is_no_slow_collection(unsampled: Rig) -> None:
    wait = unsampled.tracer.start_span("wait", kind=SpanKind.CLIENT, start_time=BEGAN_NS)
    wait.end(BEGAN_NS + 30_000_000_000)

    assert unsampled.released == []
