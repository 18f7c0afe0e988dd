"""What one collection of one sandbox brought."""

from collections.abc import Mapping
from dataclasses import dataclass

from kata_exporter.errors import Reason
from kata_exporter.metrics import Chunk
from kata_exporter.model import NO_READING, MemoryReading


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """What one collector got.

    ``chunks`` is None where the last part is to be kept; an answer with nothing in it is ().
    """

    reason: Reason
    chunks: tuple[Chunk, ...] | None = None
    detail: str = ""
    """Why, in words; safe to show."""
    duration_seconds: float = 0.0
    remembered: bool = False
    """Told from memory: the agent was not asked."""
    memory: MemoryReading = NO_READING
    """What it says of memory, for the accounting of OOMs."""

    @property
    def answered(self) -> bool:
        """Whether the agent gave any usable answer, a denial included."""
        return self.chunks is not None or (self.reason.answered and not self.remembered)


@dataclass(frozen=True, slots=True)
class Round:
    """One collection: results by collector, and when it ended on both clocks.

    ``check`` is what asking whether the agent lives came to; None where a collector asked it more.
    A refusal is a state, and a fault goes before it: a guest that refuses one call, and hangs in
    another, hangs.
    """

    results: Mapping[str, CollectorResult]
    agent_version: str
    """As the agent gives it, checked; empty while it isn't known."""
    ended_monotonic: float
    ended_time: float
    duration_seconds: float
    check: CollectorResult | None = None

    @property
    def answered(self) -> bool:
        """Whether anything got an answer: what ``kata_sandbox_up`` shows."""
        return any(result.answered for result in self._all)

    @property
    def reason(self) -> Reason:
        """The first fault, in the order of the results; else the first refusal, else ok."""
        return self._telling.reason

    @property
    def memory(self) -> MemoryReading:
        """What all collectors say of memory."""
        reading = NO_READING
        for result in self.results.values():
            said = result.memory
            reading = MemoryReading(
                _first(reading.oom_kills, said.oom_kills),
                _first(reading.available_bytes, said.available_bytes),
                _first(reading.total_bytes, said.total_bytes),
                {**reading.containers, **said.containers},
            )
        return reading

    @property
    def detail(self) -> str:
        """The words that go with `reason`."""
        return self._telling.detail

    @property
    def _telling(self) -> CollectorResult:
        # The first of the least: within each kind the order is that of the results.
        return min(self._all, key=_by_severity, default=_FINE)

    @property
    def _all(self) -> tuple[CollectorResult, ...]:
        return (*self.results.values(), *(() if self.check is None else (self.check,)))


_FINE = CollectorResult(Reason.OK)


def _by_severity(result: CollectorResult) -> int:
    if not result.reason.answered:
        return 0
    return 2 if result.reason is Reason.OK else 1


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one
