"""Whether the configuration can be used."""

from collections.abc import Sequence
from dataclasses import dataclass

from kata_exporter.cli.doctor.finding import Finding, Verdict

ID = "configuration"


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """What loading it gave: lines of what is wrong and of what may not be meant."""

    files: tuple[str, ...]
    sandboxes: int
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def judge(facts: ConfigurationFacts) -> Sequence[Finding]:
    """Tell of every line that loading has said."""
    if facts.problems:
        summary = "can't be used; what follows is about an exporter without it"
        return [Finding(ID, Verdict.PROBLEM, summary, facts.problems, facts=facts)]
    origin = ", ".join(facts.files) or "no file; flags, environment and defaults"
    listed = f"{facts.sandboxes} sandboxes listed" if facts.sandboxes else "no sandboxes listed"
    verdict = Verdict.WARNING if facts.warnings else Verdict.OK
    return [Finding(ID, verdict, f"{origin}: {listed}", facts.warnings, facts=facts)]
