"""Whether the process may open the files that its sandboxes need."""

import asyncio
import resource
from collections.abc import Sequence
from dataclasses import dataclass

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.directories import look
from kata_exporter.cli.doctor.finding import Finding, Verdict

ID = "open-files"
FILES_PER_SANDBOX = 3
"""A connection to its agent, one for a long poll, and one to its shim."""
OTHER_FILES = 128
_ROOM_TO_GROW = 2


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Limits of this process, as what it starts inherits them; -1 is none."""

    soft_limit: int
    hard_limit: int
    sandboxes: int

    @property
    def needed(self) -> int:
        """How many files the exporter needs for as many sandboxes as there are."""
        return OTHER_FILES + FILES_PER_SANDBOX * self.sandboxes


async def probe(node: Node) -> FileFacts:
    """Read the limits and count the sandboxes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FileFacts(soft, hard, await count_sandboxes(node))


async def count_sandboxes(node: Node) -> int:
    """Return how many sandboxes there are: listed ones, and those of every directory."""
    paths = node.settings.discovery.directories
    found = await asyncio.gather(*(asyncio.to_thread(look, path) for path in paths))
    return len(node.settings.sandboxes) + sum(len(each.sandboxes) for each in found)


def judge(facts: FileFacts) -> Sequence[Finding]:
    """Hold the limit against what is needed now, and for twice as many."""
    needed, soft = facts.needed, facts.soft_limit
    if soft == resource.RLIM_INFINITY:
        return [Finding(ID, Verdict.OK, "no limit", facts=facts)]
    summary = f"{soft} may be open; {facts.sandboxes} sandboxes need about {needed}"
    if soft >= _ROOM_TO_GROW * needed:
        return [Finding(ID, Verdict.OK, summary, facts=facts)]
    advice = (
        f"raise it to {2 ** (_ROOM_TO_GROW * needed).bit_length()} where the exporter is started",
        "systemd has LimitNOFILE=, Docker --ulimit nofile=, a shell ulimit -n",
    )
    verdict = Verdict.WARNING if soft >= needed else Verdict.PROBLEM
    return [Finding(ID, verdict, summary, advice, facts=facts)]


CHECK = Check(ID, probe, judge)
