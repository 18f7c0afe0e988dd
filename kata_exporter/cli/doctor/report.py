"""The report: a line for each finding, or JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kata_exporter.cli import exit_codes
from kata_exporter.cli.agent.encode import json_page
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.ttrpc import printable

_COLORS = {
    Verdict.OK: "\x1b[32m",
    Verdict.WARNING: "\x1b[33m",
    Verdict.PROBLEM: "\x1b[31m",
    Verdict.SKIPPED: "\x1b[2m",
}
_RESET = "\x1b[0m"
_SHOWN_CHARACTERS = 500
_INDENT = " " * 9


@dataclass(frozen=True, slots=True)
class _Report:
    """What is printed as JSON."""

    verdict: Verdict
    checks: tuple[Finding, ...]


def as_lines(finding: Finding, *, color: bool) -> list[str]:
    """Return a finding's line, and one for each thing to do."""
    word = f"{finding.verdict:8}"
    if color:
        word = f"{_COLORS[finding.verdict]}{word}{_RESET}"
    lines = [f"{word} {finding.check:14} {_shown(finding.summary)}"]
    return lines + [f"{_INDENT}-> {_shown(advice)}" for advice in finding.advice]


def total(found: Sequence[Finding]) -> str:
    """Return the last line: how many findings there are of each kind."""
    counts = Counter(finding.verdict for finding in found)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def as_json(found: Sequence[Finding]) -> bytes:
    """Return all of it as JSON; the verdict of the whole is the worst one."""
    verdicts = {finding.verdict for finding in found}
    worst = (v for v in (Verdict.PROBLEM, Verdict.WARNING) if v in verdicts)
    return json_page(_Report(next(worst, Verdict.OK), tuple(found)))


def exit_code(found: Sequence[Finding]) -> int:
    """Return what the command ends with."""
    is_bad = any(finding.verdict is Verdict.PROBLEM for finding in found)
    return exit_codes.FAILED if is_bad else exit_codes.OK


def _shown(text: str) -> str:
    return printable(text, _SHOWN_CHARACTERS)
