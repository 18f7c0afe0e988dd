"""What of the spans is exported, beside what the standard sampler chooses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceRules:
    """Which collections are exported whole though the sampler didn't choose them, and how many.

    ``keep_failed`` keeps those in which something failed, ``keep_slower_than_seconds`` those that
    took as long or longer; 0 keeps none for that. ``max_spans_per_minute`` bounds all spans.
    """

    keep_failed: bool = True
    keep_slower_than_seconds: float = 2.0
    max_spans_per_minute: int = 30_000

    @property
    def keeps_any(self) -> bool:
        """Whether a collection has to be recorded before it is known what becomes of it."""
        return self.keep_failed or self.keep_slower_than_seconds > 0


class SpanBudget:
    """A bucket of spans that fills by so many a minute; a full one lets a minute's worth through."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._at = now

    def resize(self, per_minute: int) -> None:
        """Let so many through a minute from now on."""
        self._per_minute = per_minute
        self._left = min(self._left, per_minute)

    def take(self, spans: int, now: float) -> bool:
        """Take so many, or none; `now` is in seconds and never goes back."""
        filled = self._left + (now - self._at) * self._per_minute / 60
        self._left = min(filled, self._per_minute)
        self._at = now
        if spans > self._left:
            return False
        self._left -= spans
        return True
