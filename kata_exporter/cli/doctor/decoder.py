"""Whether protobuf has its C decoder, without which the exporter refuses to start."""

from collections.abc import Sequence
from dataclasses import dataclass

import google.protobuf
from google.protobuf.internal import api_implementation

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict

ID = "protobuf"
_COMPILED = "upb"


@dataclass(frozen=True, slots=True)
class DecoderFacts:
    """Version and backend, as the package names them."""

    version: str
    backend: str


async def probe(node: Node) -> DecoderFacts:
    """Ask the package."""
    del node
    return DecoderFacts(google.protobuf.__version__, api_implementation.Type())


def judge(facts: DecoderFacts) -> Sequence[Finding]:
    """Only one backend bounds what hostile bytes cost; the exporter starts with no other."""
    summary = f"{facts.version} with its decoder {facts.backend}"
    if facts.backend == _COMPILED:
        return [Finding(ID, Verdict.OK, summary, facts=facts)]
    advice = (
        "install protobuf's wheel for this platform",
        "unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION",
    )
    return [Finding(ID, Verdict.PROBLEM, summary, advice, facts=facts)]


CHECK = Check(ID, probe, judge)
