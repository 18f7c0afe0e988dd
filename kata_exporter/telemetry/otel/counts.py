"""What becomes of spans, as it is counted."""

from enum import StrEnum
from typing import Protocol


class SpanOutcome(StrEnum):
    """What became of a span. A closed set."""

    EXPORTED = "exported"
    """A collector took it."""
    FAILED = "failed"
    """A collector refused it, or couldn't be reached."""
    QUEUE_FULL = "queue_full"
    """The oldest, dropped from the queue to a collector that is too slow or away."""
    OVER_LIMIT = "over_limit"
    """There were too many in a minute."""
    BUFFER_FULL = "buffer_full"
    """Too many waited for their collections to end."""
    NOT_SAMPLED = "not_sampled"
    """Recorded, but neither chosen by the sampler nor to be kept."""
    SHUT_DOWN = "shut_down"
    """No collector took it before the process had to end."""


class SpanCounter(Protocol):
    """Is told what becomes of spans, from any thread. Every method returns at once."""

    def count(self, outcome: SpanOutcome, n: int) -> None:
        """Count spans."""

    def queued(self, n: int) -> None:
        """Take note of how many wait in the queue."""

    def export_took(self, seconds: float) -> None:
        """Take note of one attempt to hand a batch to a collector, its retries included."""


class NoCounter:
    """Counts nothing."""

    def count(self, outcome: SpanOutcome, n: int) -> None:
        """Pass it over."""
        del outcome, n

    def queued(self, n: int) -> None:
        """Pass it over."""
        del n

    def export_took(self, seconds: float) -> None:
        """Pass it over."""
        del seconds
