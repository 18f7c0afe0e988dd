"""The last OOMs, for people."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from kata_exporter.errors import ArgumentError
from kata_exporter.model import OomKind, OomRecord

MAX_RECORDS = 1000
"""How many are kept, and how many can be asked for."""


@dataclass(frozen=True, slots=True)
class OomFilter:
    """Which of them are asked for; None takes any. ``since`` is in seconds since 1970.

    Args:
        limit: how many at most, the newest of those that are asked for; from 1 to `MAX_RECORDS`.

    Raises:
        ArgumentError: the limit is none of these.
    """

    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    sandbox_id: str | None = None
    kind: OomKind | None = None
    source: str | None = None
    since: float | None = None
    limit: int = MAX_RECORDS

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_RECORDS:
            raise ArgumentError("limit", self.limit, f"should be from 1 to {MAX_RECORDS}")

    def takes(self, record: OomRecord) -> bool:
        """Whether a record is one of them, however many there are."""
        asked = (
            (self.namespace, record.pod.namespace),
            (self.pod, record.pod.name),
            (self.container, record.container),
            (self.sandbox_id, record.sandbox_id),
            (self.kind, record.kind),
            (self.source, record.source),
        )
        if any(wanted is not None and wanted != found for wanted, found in asked):
            return False
        return self.since is None or record.time >= self.since


class Journal:
    """Keeps the last records."""

    def __init__(self) -> None:
        self._records: deque[OomRecord] = deque(maxlen=MAX_RECORDS)

    def add(self, record: OomRecord) -> None:
        """Keep a record; the oldest gives way."""
        self._records.append(record)

    def find(self, wanted: OomFilter) -> Iterator[OomRecord]:
        """Yield those that are asked for, the newest first, as many as are asked for."""
        found = (record for record in reversed(self._records) if wanted.takes(record))
        return islice(found, wanted.limit)
