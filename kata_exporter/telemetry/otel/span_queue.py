"""The queue to a collector: bounded, emptied in batches by a thread of its own.

A collector that is slow or away costs the memory of a full queue: the oldest spans make room for
new ones, and are counted. Who puts spans in never waits.

The SDK has such a queue. It doesn't tell how many spans it dropped, and its shutdown isn't bounded
while an export is under way.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from kata_exporter.telemetry.logs import escape
from kata_exporter.telemetry.otel.counts import SpanCounter, SpanOutcome
from kata_exporter.telemetry.otel.environment import BatchSettings

_logger = logging.getLogger(__name__)


class SpanQueue:
    """Takes spans from any thread, and hands them to an exporter.

    Args:
        exporter: may block; what it does with a batch is its own, retries included.
        settings: sizes and times.
        counter: is told what becomes of spans.
    """

    def __init__(
        self, exporter: SpanExporter, settings: BatchSettings, counter: SpanCounter
    ) -> None:
        self._exporter = exporter
        self._settings = settings
        self._counter = counter
        self._spans: deque[ReadableSpan] = deque()
        self._changed = Condition()
        self._give_up_at: float | None = None
        self._exporter_stopped = False
        self._thread = Thread(target=self._run, name="otel-export", daemon=True)
        self._thread.start()

    def put(self, spans: Sequence[ReadableSpan]) -> None:
        """Queue spans; what there is no room for is the oldest."""
        with self._changed:
            if self._give_up_at is not None:
                self._counter.count(SpanOutcome.SHUT_DOWN, len(spans))
                return
            self._spans.extend(spans)
            over = len(self._spans) - self._settings.max_queue_spans
            for _ in range(over):
                self._spans.popleft()
            self._counter.queued(len(self._spans))
            if len(self._spans) >= self._settings.max_batch_spans:
                self._changed.notify()
        if over > 0:
            self._counter.count(SpanOutcome.QUEUE_FULL, over)

    def close(self, timeout_seconds: float) -> bool:
        """Send what is queued and stop. Blocks, but for no longer than `timeout_seconds`.

        Returns:
            Whether a collector was given all that was queued.
        """
        with self._changed:
            if self._give_up_at is None:
                self._give_up_at = time.monotonic() + timeout_seconds
                self._changed.notify()
        # Time-outs of exporters don't hold for connecting and retries together, so the wait is
        # ours; a daemon thread doesn't keep the process.
        self._thread.join(max(0.0, timeout_seconds))
        with self._changed:
            left = len(self._spans)
            self._spans.clear()
            self._counter.queued(0)
        if left:
            self._counter.count(SpanOutcome.SHUT_DOWN, left)
        if self._thread.is_alive():
            self._stop_exporter()
        return not left and not self._thread.is_alive()

    def _stop_exporter(self) -> None:
        """Have an export that is under way give up; that may block too."""
        if not self._exporter_stopped:
            self._exporter_stopped = True
            Thread(target=self._exporter.shutdown, name="otel-give-up", daemon=True).start()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._export(batch)
        if not self._exporter_stopped:
            self._exporter_stopped = True
            self._exporter.shutdown()

    def _next_batch(self) -> list[ReadableSpan] | None:
        """Wait for a batch that is full or due; None when there is none to come."""
        with self._changed:
            if len(self._spans) < self._settings.max_batch_spans and self._give_up_at is None:
                self._changed.wait_for(self._is_due, self._settings.delay_seconds)
            if self._give_up_at is not None and not (
                self._spans and time.monotonic() < self._give_up_at
            ):
                return None
            n = min(len(self._spans), self._settings.max_batch_spans)
            batch = [self._spans.popleft() for _ in range(n)]
            self._counter.queued(len(self._spans))
            return batch

    def _is_due(self) -> bool:
        return self._give_up_at is not None or len(self._spans) >= self._settings.max_batch_spans

    def _export(self, batch: Sequence[ReadableSpan]) -> None:
        if not batch:
            return
        started = time.monotonic()
        try:
            result = self._exporter.export(batch)
        except Exception as error:  # noqa: BLE001  whatever an exporter raises, the next batch is sent
            _logger.error("an exporter of spans failed: %s", escape(repr(error)))  # noqa: TRY400
            result = SpanExportResult.FAILURE
        self._counter.export_took(time.monotonic() - started)
        taken = result is SpanExportResult.SUCCESS
        outcome = SpanOutcome.EXPORTED if taken else SpanOutcome.FAILED
        self._counter.count(outcome, len(batch))
