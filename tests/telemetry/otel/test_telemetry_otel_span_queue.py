"""The queue to a collector: batches, bounds, and an end in time."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from kata_exporter.telemetry.otel.counts import SpanOutcome
from kata_exporter.telemetry.otel.environment import BatchSettings
from kata_exporter.telemetry.otel.span_queue import SpanQueue
from waiting import eventually

LONG = 3600.0


class Counting:
    def __init__(self) -> None:
        self.counts: Counter[SpanOutcome] = Counter()
        self.depth = 0
        self.exports = 0

    def count(self, outcome: SpanOutcome, n: int) -> None:
        self.counts[outcome] += n

    def queued(self, n: int) -> None:
        self.depth = n

    def export_took(self, seconds: float) -> None:
        assert seconds >= 0
        self.exports += 1


class Exporter(SpanExporter):
    """Notes what it is given; waits at a gate where one is shut."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.result = SpanExportResult.SUCCESS
        self.error: Exception | None = None
        self.stopped = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.gate.wait(20)
        self.batches.append([span.name for span in spans])
        if self.error is not None:
            raise self.error
        return self.result

    def shutdown(self) -> None:
        self.stopped += 1


class Rig:
    def __init__(self, delay_seconds: float = LONG) -> None:
        self.exporter = Exporter()
        self.counter = Counting()
        settings = BatchSettings(delay_seconds, max_queue_spans=10, max_batch_spans=4)
        self.queue = SpanQueue(self.exporter, settings, self.counter)

    def put(self, *numbers: int) -> None:
        self.queue.put([ReadableSpan(str(number)) for number in numbers])


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("otel"):
            thread.join(10)
            assert not thread.is_alive(), thread


def test_a_full_batch_is_sent_at_once_and_the_rest_at_the_end() -> None:
    rig = Rig()
    rig.put(1, 2, 3)
    rig.put(4, 5)
    eventually(lambda: rig.exporter.batches)

    assert rig.queue.close(20.0)

    assert rig.exporter.batches == [["1", "2", "3", "4"], ["5"]]
    assert rig.counter.counts == {SpanOutcome.EXPORTED: 5}
    assert (rig.counter.depth, rig.counter.exports, rig.exporter.stopped) == (0, 2, 1)


def test_what_there_is_is_sent_after_the_delay() -> None:
    rig = Rig(delay_seconds=0.01)
    rig.put(1)

    eventually(lambda: rig.exporter.batches == [["1"]])

    assert rig.queue.close(20.0)


def test_the_oldest_make_room_and_are_counted_while_the_exporter_is_stuck() -> None:
    rig = Rig()
    rig.exporter.gate.clear()
    rig.put(1, 2, 3, 4)
    eventually(lambda: rig.counter.depth == 0)
    for number in range(100, 120):
        rig.put(number)

    assert rig.counter.depth == 10
    assert rig.counter.counts == {SpanOutcome.QUEUE_FULL: 10}

    rig.exporter.gate.set()
    assert rig.queue.close(20.0)
    assert [name for batch in rig.exporter.batches[1:] for name in batch] == [
        str(number) for number in range(110, 120)
    ]


def test_more_than_the_queue_holds_at_once_keeps_the_newest() -> None:
    rig = Rig()
    rig.exporter.gate.clear()
    rig.put(*range(25))
    rig.exporter.gate.set()

    assert rig.queue.close(20.0)

    sent = [name for batch in rig.exporter.batches for name in batch]
    assert sent == [str(number) for number in range(15, 25)]
    assert rig.counter.counts[SpanOutcome.QUEUE_FULL] == 15


def test_a_batch_that_is_refused_is_counted_and_never_tried_again() -> None:
    rig = Rig()
    rig.exporter.result = SpanExportResult.FAILURE
    rig.put(1, 2, 3, 4)
    eventually(lambda: rig.counter.counts)
    rig.exporter.result = SpanExportResult.SUCCESS
    rig.put(5)

    assert rig.queue.close(20.0)

    assert rig.exporter.batches == [["1", "2", "3", "4"], ["5"]]
    assert rig.counter.counts == {SpanOutcome.FAILED: 4, SpanOutcome.EXPORTED: 1}


def test_an_exporter_that_raises_costs_its_batch_and_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.exporter.error = ValueError("a\nb")
    rig.put(1, 2, 3, 4)
    eventually(lambda: rig.counter.counts)
    rig.exporter.error = None
    rig.put(5)

    assert rig.queue.close(20.0)

    assert rig.counter.counts == {SpanOutcome.FAILED: 4, SpanOutcome.EXPORTED: 1}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_the_end_is_in_time_though_the_exporter_is_stuck_and_what_is_left_is_counted() -> None:
    rig = Rig()
    rig.exporter.gate.clear()
    rig.put(1, 2, 3, 4)
    eventually(lambda: rig.counter.depth == 0)
    rig.put(5, 6)
    begin = time.monotonic()

    assert not rig.queue.close(0.2)

    assert 0.2 <= time.monotonic() - begin < 2
    assert rig.counter.counts == {SpanOutcome.SHUT_DOWN: 2}
    eventually(lambda: rig.exporter.stopped)
    rig.exporter.gate.set()


def test_what_comes_after_the_end_is_counted_and_not_kept() -> None:
    rig = Rig()
    assert rig.queue.close(20.0)
    rig.put(1, 2)

    assert rig.queue.close(20.0)

    assert rig.exporter.batches == []
    assert rig.counter.counts == {SpanOutcome.SHUT_DOWN: 2}
