"""The store: the latest of every sandbox. Parts are replaced whole and age each by itself."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from kata_exporter.errors import Reason
from kata_exporter.metrics import Chunk
from kata_exporter.model import Sandbox
from kata_exporter.snapshot.identity import sandbox_identity
from kata_exporter.snapshot.keeping import (
    Budget,
    DropReason,
    KeepRules,
    NameFilter,
    count_series,
    fit,
)
from kata_exporter.snapshot.round import Round
from kata_exporter.snapshot.samples import known_chunks, state_chunks

OnDropped = Callable[[Sandbox, DropReason, int], None]
"""Told of series of a sandbox that are not kept, and why not."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one collector last brought."""

    chunks: tuple[Chunk, ...]
    ended_monotonic: float
    ended_time: float


@dataclass(frozen=True, slots=True)
class _Entry:
    sandbox: Sandbox
    known: tuple[Chunk, ...]
    """Samples that hold whether the guest answers or not."""
    state: tuple[Chunk, ...]
    up: bool = False
    reason: Reason = Reason.PENDING
    detail: str = ""
    success: Mapping[str, bool] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxState:
    """How a sandbox is; ``detail`` says why in words, escaped and cut, where there is more to say."""

    up: bool
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class SandboxView:
    """A sandbox as it is shown at one time."""

    sandbox: Sandbox
    up: bool
    reason: Reason
    host: tuple[Chunk, ...]
    """Of what the host knows: how the sandbox is, and what it is."""
    parts: Mapping[str, tuple[Chunk, ...]]
    """Of what its agent said, by collector."""

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """All of them."""
        return (*self.host, *chain.from_iterable(self.parts.values()))


def _nobody(_sandbox: Sandbox, _reason: DropReason, _series: int) -> None:
    return None


class Store:
    """Holds an entry per sandbox; a `registry.Listener`.

    Args:
        max_age_seconds: parts older than this are withheld; up, state and info stay.
        rules: which metrics are kept, and how many series.
        on_dropped: is told of what isn't.
    """

    def __init__(
        self,
        *,
        max_age_seconds: float,
        rules: KeepRules | None = None,
        on_dropped: OnDropped = _nobody,
    ) -> None:
        rules = rules or KeepRules()
        self._filter = NameFilter(rules)
        self._budget = Budget(rules)
        self._on_dropped = on_dropped
        self._max_age_seconds = max_age_seconds
        self._spared_until = self._spared_since = -math.inf
        self._entries: dict[str, _Entry] = {}

    def configure(self, *, max_age_seconds: float, now: float) -> None:
        """Withhold parts that are older than this.

        What is shown `now` (monotonic) has `max_age_seconds` from now: a shorter interval comes with
        a shorter age, and mustn't take away what only the next round can bring.
        """
        self._spared_since = self._oldest(now)
        self._spared_until = now + max_age_seconds
        self._max_age_seconds = max_age_seconds

    def keep(self, rules: KeepRules) -> None:
        """Let other rules hold, for what is there already too.

        What was dropped before, and is now to be kept, comes with the next round.
        """
        self._filter = NameFilter(rules)
        self._budget.configure(rules)
        for entry in list(self._entries.values()):
            self._put(replace(entry, known=known_chunks(entry.sandbox)))

    def started(self, sandbox: Sandbox) -> None:
        """Show a new generation, as pending."""
        self._put(_nothing_yet(sandbox))

    def updated(self, sandbox: Sandbox) -> None:
        """Show other containers, or the name that a nameless sandbox has got.

        What was collected without the name is no longer shown: it is under other labels.
        """
        entry = self._current(sandbox)
        if entry is None:
            return
        if sandbox_identity(entry.sandbox) != sandbox_identity(sandbox):
            entry = _nothing_yet(sandbox)
        self._put(replace(entry, sandbox=sandbox, known=known_chunks(sandbox)))

    def stopped(self, sandbox: Sandbox) -> None:
        """Show it no longer."""
        if self._current(sandbox) is not None:
            del self._entries[sandbox.id]
            self._budget.release(sandbox.id)

    def record(self, sandbox: Sandbox, collected: Round) -> bool:
        """Take a round in.

        Returns:
            Whether it was of this generation, and under the labels that it has now; if not, nothing
            of it is kept.
        """
        entry = self._current(sandbox)
        if entry is None or sandbox_identity(entry.sandbox) != sandbox_identity(sandbox):
            return False
        # A collector that isn't among the results had nothing to ask: no container runs any more.
        parts = {name: part for name, part in entry.parts.items() if name in collected.results}
        for name, result in collected.results.items():
            if result.chunks is not None:
                parts[name] = Part(result.chunks, collected.ended_monotonic, collected.ended_time)
        success = {name: result.reason is Reason.OK for name, result in collected.results.items()}
        state = state_chunks(
            entry.sandbox,
            up=collected.answered,
            reason=collected.reason,
            success=success,
            times={name: part.ended_time for name, part in parts.items()},
            agent_version=collected.agent_version,
        )
        self._put(
            replace(
                entry,
                up=collected.answered,
                reason=collected.reason,
                detail=collected.detail,
                success=success,
                parts=parts,
                state=state,
            )
        )
        return True

    def view(self, now: float) -> tuple[SandboxView, ...]:
        """Return every sandbox as it is to be shown at `now` (monotonic)."""
        oldest = self._oldest(now)
        return tuple(
            SandboxView(
                entry.sandbox,
                entry.up,
                entry.reason,
                (*entry.state, *entry.known),
                {
                    name: part.chunks
                    for name, part in entry.parts.items()
                    if part.ended_monotonic >= oldest
                },
            )
            for entry in self._entries.values()
        )

    def state(self, sandbox: Sandbox) -> SandboxState | None:
        """Return how a sandbox is; None where its generation isn't shown."""
        entry = self._current(sandbox)
        return None if entry is None else SandboxState(entry.up, entry.reason, entry.detail)

    def _put(self, entry: _Entry) -> None:
        """Hold what is kept of an entry; where all are too many then, those with most give way."""
        dropped: Counter[DropReason] = Counter()
        kept = self._filter.kept
        parts = {
            name: replace(part, chunks=kept(part.chunks, dropped))
            for name, part in entry.parts.items()
        }
        state, known = kept(entry.state, dropped), kept(entry.known, dropped)
        entry = replace(entry, state=state, known=known, parts=parts)
        room, reason = self._budget.room(entry.sandbox.id)
        self._hold(entry, room, reason, dropped)
        for largest in self._budget.too_large():
            share = self._budget.share
            self._hold(self._entries[largest], share, DropReason.STORE_FULL, Counter())
            if not self._budget.exceeded:
                break

    def _hold(
        self,
        entry: _Entry,
        room: int,
        full: DropReason,
        dropped: Counter[DropReason],
    ) -> None:
        """Hold an entry with no more series than there is room for, and tell what was dropped."""
        of_host = count_series(entry.state) + count_series(entry.known)
        held = of_host + sum(count_series(part.chunks) for part in entry.parts.values())
        if held > room:
            chunks = {name: part.chunks for name, part in entry.parts.items()}
            fitting, left_out = fit(chunks, room - of_host)
            parts = {
                name: replace(part, chunks=fitting[name]) for name, part in entry.parts.items()
            }
            entry = replace(entry, parts=parts)
            held -= left_out
            dropped[full] += left_out
        self._entries[entry.sandbox.id] = entry
        self._budget.hold(entry.sandbox.id, held)
        for why, series in dropped.items():
            if series:
                self._on_dropped(entry.sandbox, why, series)

    def _oldest(self, now: float) -> float:
        """Return when a part must have ended at the earliest to be shown (monotonic)."""
        oldest = now - self._max_age_seconds
        return min(oldest, self._spared_since) if now <= self._spared_until else oldest

    def _current(self, sandbox: Sandbox) -> _Entry | None:
        entry = self._entries.get(sandbox.id)
        if entry is None or entry.sandbox.generation != sandbox.generation:
            return None
        return entry


def _nothing_yet(sandbox: Sandbox) -> _Entry:
    state = state_chunks(sandbox, up=False, reason=Reason.PENDING, success={}, times={})
    return _Entry(sandbox, known_chunks(sandbox), state)
