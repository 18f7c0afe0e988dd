"""OOM accounting: what was reported, what the guest's kernel counted, and what can be inferred."""

from kata_exporter.oom.ledger import NO_COUNTS, Ledger, OomCounts
from kata_exporter.oom.outcome import OomSource, Outcome, RejectedReading
from kata_exporter.oom.records import OOM_METRICS

__all__ = [
    "NO_COUNTS",
    "OOM_METRICS",
    "Ledger",
    "OomCounts",
    "OomSource",
    "Outcome",
    "RejectedReading",
]
