"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding means for the exporter."""

    OK = "ok"
    WARNING = "warning"
    """It works, but for something, or not for long."""
    PROBLEM = "problem"
    """Sandboxes are not seen, or not asked, or nothing is served."""
    SKIPPED = "skipped"
    """There is nothing to look at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    ``check`` names it for scripts and never changes; ``subject`` tells several findings of a check
    apart, as a path does. ``advice`` says what to do, a sentence each, and ``facts`` is what the
    verdict rests on, a dataclass. Texts that aren't ours are escaped when they are shown.
    """

    check: str
    verdict: Verdict
    summary: str
    advice: tuple[str, ...] = ()
    subject: str = ""
    facts: object = None
