"""Whether protobuf has its C decoder, without which the exporter refuses to start."""

from collections.abc import Sequence
from dataclasses import dataclass

import google.protobuf

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.protobuf_backend import ADVICE, COMPILED, backend

ID = "protobuf"


@dataclass(frozen=True, slots=True)
class DecoderFacts:
    """Version and backend, as the package names them."""

    version: str
    backend: str


async def probe(node: Node) -> DecoderFacts:
    """Ask the package."""
    del node
    return DecoderFacts(google.protobuf.__version__, backend())


def judge(facts: DecoderFacts) -> Sequence[Finding]:
    """Only one backend bounds what hostile bytes cost; the exporter starts with no other."""
    summary = f"{facts.version} with its decoder {facts.backend}"
    if facts.backend == COMPILED:
        return [Finding(ID, Verdict.OK, summary, facts=facts)]
    return [Finding(ID, Verdict.PROBLEM, summary, ADVICE, facts=facts)]


CHECK = Check(ID, probe, judge)
