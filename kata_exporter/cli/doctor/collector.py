"""Whether the collector takes spans: one is sent to it. Only where ``--otel`` asks for it."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.errors import ConfigError

ID = "collector"
SECONDS = 20.0
"""Longer than exporters try unless told otherwise."""

_NOT_TAKEN = (
    "look whether the collector runs and listens there",
    "OTEL_EXPORTER_OTLP_PROTOCOL has to fit: port 4317 is usually gRPC, and 4318 HTTP",
)


@dataclass(frozen=True, slots=True)
class CollectorFacts:
    """Where a span was sent, and whether it was taken; ``endpoint`` is empty where there is none.

    ``problem`` is what is wrong with the variables, ``detail`` what the exporter says of a failure.
    """

    endpoint: str = ""
    protocol: str = ""
    taken: bool = False
    detail: str = ""
    problem: str = ""


async def probe(node: Node) -> CollectorFacts:
    """Send a span, from a thread that keeps nobody: exporters block for as long as they like."""
    del node
    loop = asyncio.get_running_loop()
    done: asyncio.Future[CollectorFacts] = loop.create_future()

    def finish(facts: CollectorFacts) -> None:
        if not done.done():
            done.set_result(facts)

    def run() -> None:
        facts = _sent()
        with suppress(RuntimeError):  # the report was done without it
            loop.call_soon_threadsafe(finish, facts)

    Thread(target=run, name="otel-doctor", daemon=True).start()
    return await done


def _sent() -> CollectorFacts:
    from kata_exporter.telemetry.otel.one_span import (  # noqa: PLC0415  slow, and only for --otel
        send_one_span,
    )

    try:
        sent = send_one_span(os.environ)
    except ConfigError as error:
        return CollectorFacts(problem=str(error))
    except Exception as error:  # noqa: BLE001  the SDK raises errors of many kinds on its variables
        return CollectorFacts(problem=f"{type(error).__name__}: {error}")
    if sent is None:
        return CollectorFacts()
    return CollectorFacts(sent.endpoint, sent.protocol, sent.taken, sent.detail)


def judge(facts: CollectorFacts) -> Sequence[Finding]:
    """A span that isn't taken is lost, and so will be all others."""
    if facts.problem:
        advice = ("set the OTEL_ variables right; docs/tracing.md has those that matter",)
        return [Finding(ID, Verdict.PROBLEM, facts.problem, advice, facts=facts)]
    if not facts.endpoint:
        summary = "no endpoint is set, so spans go nowhere"
        advice = ("set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://collector:4318",)
        return [Finding(ID, Verdict.PROBLEM, summary, advice, facts=facts)]
    where = f"{facts.endpoint} ({facts.protocol})"
    if facts.taken:
        return [Finding(ID, Verdict.OK, f"{where} took a span", facts=facts)]
    summary = f"{where} took no span: {facts.detail or 'no reason given'}"
    return [Finding(ID, Verdict.PROBLEM, summary, _NOT_TAKEN, facts=facts)]


CHECK = Check(ID, probe, judge, SECONDS)
