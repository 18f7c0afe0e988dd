"""What of the collected is kept: by the names of metrics, and by how many series there may be.

What is dropped is dropped as whole families, so that no sum over a family is quietly too small.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from kata_exporter.metrics import Chunk, Metric, Scope

WATCHED = frozenset(
    {
        "kata_sandbox_up",
        "kata_sandbox_state",
        "kata_agent_info",
        "kata_guest_oom_kills_total",
    }
)
"""Metrics that are kept whatever is denied and however full it is: few series, and the ones that
alerts rest on. What is counted of OOMs passes as well: it is the ledger's, with bounds of its own."""

Parts = Mapping[str, tuple[Chunk, ...]]
"""Chunks by collector."""


class DropReason(StrEnum):
    """Why series are dropped; a closed set, since it is a label of a counter."""

    NOT_ALLOWED = "not_allowed"
    """No pattern of ``metrics.allow`` has the name."""
    DENIED = "denied"
    """A pattern of ``metrics.deny`` has it."""
    SANDBOX_FULL = "sandbox_full"
    """The family would exceed ``metrics.max_series_per_sandbox``."""
    STORE_FULL = "store_full"
    """The family would exceed what ``metrics.max_series`` leaves to the sandbox."""


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What is kept; patterns as of `fnmatch`, case counts, and denying wins."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    max_series_per_sandbox: int = 10_000
    max_series: int = 500_000


class NameFilter:
    """Keeps the metrics whose names are allowed, and not denied.

    Args:
        rules: whose patterns hold.
    """

    def __init__(self, rules: KeepRules) -> None:
        self._rules = rules
        self._keeps_all = "*" in rules.allow and not rules.deny
        self._reasons: dict[Metric, DropReason | None] = {}

    def kept(self, chunks: tuple[Chunk, ...], dropped: Counter[DropReason]) -> tuple[Chunk, ...]:
        """Return the chunks that are kept; series of the others are added to `dropped`."""
        if self._keeps_all:
            return chunks
        kept = []
        for chunk in chunks:
            reason = self._reason(chunk.shape.metric)
            if reason is None:
                kept.append(chunk)
            else:
                dropped[reason] += len(chunk.values)
        return tuple(kept)

    def _reason(self, metric: Metric) -> DropReason | None:
        # Patterns are matched once for each record; of these there is a fixed number.
        if metric not in self._reasons:
            self._reasons[metric] = self._judge(metric.name)
        return self._reasons[metric]

    def _judge(self, name: str) -> DropReason | None:
        if name in WATCHED:
            return None
        if any(fnmatchcase(name, pattern) for pattern in self._rules.deny):
            return DropReason.DENIED
        if any(fnmatchcase(name, pattern) for pattern in self._rules.allow):
            return None
        return DropReason.NOT_ALLOWED


class Budget:
    """How many series each sandbox has, and may have.

    Every sandbox may have its equal share of all, whatever the others have; more than that for as
    long as there is room. So a few that have very many never take the place of the others.

    Args:
        rules: whose caps hold.
    """

    def __init__(self, rules: KeepRules) -> None:
        self._rules = rules
        self._held: dict[str, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Series of all sandboxes."""
        return self._total

    def configure(self, rules: KeepRules) -> None:
        """Let other caps hold from the next question on."""
        self._rules = rules

    def hold(self, sandbox_id: str, series: int) -> None:
        """Take note of how many series a sandbox has."""
        self._total += series - self._held.get(sandbox_id, 0)
        self._held[sandbox_id] = series

    def release(self, sandbox_id: str) -> None:
        """Take note that a sandbox has gone."""
        self._total -= self._held.pop(sandbox_id, 0)

    def room(self, sandbox_id: str) -> tuple[int, DropReason]:
        """Return how many series a sandbox may have, and why no more."""
        held = self._held.get(sandbox_id)
        share = self._rules.max_series // (len(self._held) + (held is None))
        of_all = max(share, self._rules.max_series - self._total + (held or 0))
        of_one = self._rules.max_series_per_sandbox
        if of_one <= of_all:
            return of_one, DropReason.SANDBOX_FULL
        return of_all, DropReason.STORE_FULL

    @property
    def exceeded(self) -> bool:
        """Whether all have too many together."""
        return self._total > self._rules.max_series

    def too_large(self) -> list[str]:
        """Return who has more than its share, those with most first, where all have too many."""
        if not self.exceeded:
            return []
        share, held = self.share, self._held
        above = (sandbox_id for sandbox_id, series in held.items() if series > share)
        return sorted(above, key=held.__getitem__, reverse=True)

    @property
    def share(self) -> int:
        """What each sandbox may have, whatever the others have."""
        return self._rules.max_series // max(1, len(self._held))


def count_series(chunks: Iterable[Chunk]) -> int:
    """Count the series of chunks."""
    return sum([len(chunk.values) for chunk in chunks])


def fit(parts: Parts, room: int) -> tuple[Parts, int]:
    """Leave out whole families, so that the rest fits.

    Families are taken in a fixed order: those that are watched, those of containers, then those of
    the guest, each by name. One that no longer fits is left out, and smaller ones after it are still
    taken: so a guest that blows one family up loses that one.

    Returns:
        What fits, and how many series were left out: 0 where all fits.
    """
    sizes: Counter[Metric] = Counter()
    for chunks in parts.values():
        for chunk in chunks:
            sizes[chunk.shape.metric] += len(chunk.values)
    kept: set[Metric] = set()
    for metric in sorted(sizes, key=_rank):
        if metric.name in WATCHED or sizes[metric] <= room:
            kept.add(metric)
            room -= sizes[metric]
    fitting = {
        name: tuple([chunk for chunk in chunks if chunk.shape.metric in kept])
        for name, chunks in parts.items()
    }
    return fitting, sum(size for metric, size in sizes.items() if metric not in kept)


def _rank(metric: Metric) -> tuple[bool, bool, str]:
    return metric.name not in WATCHED, metric.scope is not Scope.CONTAINER, metric.name
