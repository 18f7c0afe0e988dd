"""The last OOMs, for people."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from kata_exporter.model import OomKind, OomRecord

MAX_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class OomFilter:
    """Which of them are asked for; None takes any. ``since`` is in seconds since 1970."""

    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    sandbox_id: str | None = None
    kind: OomKind | None = None
    source: str | None = None
    since: float | None = None

    def takes(self, record: OomRecord) -> bool:
        """Whether a record is one of them."""
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
        """Yield those that are asked for, the newest first."""
        return (record for record in reversed(self._records) if wanted.takes(record))
