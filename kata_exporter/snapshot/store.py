"""The store: the latest of every sandbox. Parts are replaced whole and age each by itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kata_exporter.errors import Reason
from kata_exporter.metrics import Chunk
from kata_exporter.model import Sandbox
from kata_exporter.snapshot.identity import sandbox_identity
from kata_exporter.snapshot.round import Round
from kata_exporter.snapshot.samples import known_chunks, state_chunks


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
    chunks: tuple[Chunk, ...]


class Store:
    """Holds an entry per sandbox; a `registry.Listener`.

    Args:
        max_age_seconds: parts older than this are withheld; up, state and info stay.
    """

    def __init__(self, *, max_age_seconds: float) -> None:
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

    def started(self, sandbox: Sandbox) -> None:
        """Show a new generation, as pending."""
        self._entries[sandbox.id] = _nothing_yet(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Show other containers, or the name that a nameless sandbox has got.

        What was collected without the name is no longer shown: it is under other labels.
        """
        entry = self._current(sandbox)
        if entry is None:
            return
        if sandbox_identity(entry.sandbox) != sandbox_identity(sandbox):
            entry = _nothing_yet(sandbox)
        self._entries[sandbox.id] = replace(entry, sandbox=sandbox, known=known_chunks(sandbox))

    def stopped(self, sandbox: Sandbox) -> None:
        """Show it no longer."""
        if self._current(sandbox) is not None:
            del self._entries[sandbox.id]

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
        self._entries[sandbox.id] = replace(
            entry,
            up=collected.answered,
            reason=collected.reason,
            detail=collected.detail,
            success=success,
            parts=parts,
            state=state_chunks(
                entry.sandbox,
                up=collected.answered,
                reason=collected.reason,
                success=success,
                times={name: part.ended_time for name, part in parts.items()},
                agent_version=collected.agent_version,
            ),
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
                (
                    *entry.state,
                    *entry.known,
                    *(
                        chunk
                        for part in entry.parts.values()
                        if part.ended_monotonic >= oldest
                        for chunk in part.chunks
                    ),
                ),
            )
            for entry in self._entries.values()
        )

    def state(self, sandbox: Sandbox) -> SandboxState | None:
        """Return how a sandbox is; None where its generation isn't shown."""
        entry = self._current(sandbox)
        return None if entry is None else SandboxState(entry.up, entry.reason, entry.detail)

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
