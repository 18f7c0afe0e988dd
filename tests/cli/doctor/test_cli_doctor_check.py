"""Checks run side by side, and their findings are printed."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from fake_clock import FakeClock
from kata_exporter.cli.doctor.check import Check, Node, findings
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.report import as_json, as_lines, exit_code, total
from kata_exporter.config.settings import Settings


def no_vsock() -> None:
    raise AssertionError("no check of these opens one")


@pytest.fixture
def node(clock: FakeClock) -> Node:
    return Node(Settings(), clock, no_vsock)


def judge(facts: str) -> Sequence[Finding]:
    return [Finding(facts, Verdict.OK, "well")]


def check(name: str, wait: asyncio.Event | None = None, seconds: float = 30.0) -> Check[str]:
    async def probe(node: Node) -> str:
        del node
        if wait is not None:
            await wait.wait()
        return name

    return Check(name, probe, judge, seconds)


async def run(checks: Sequence[Check[Any]], node: Node) -> list[tuple[str, Verdict, str]]:
    return [(f.check, f.verdict, f.summary) async for f in findings(checks, node)]


async def test_findings_come_in_the_order_of_checks_whichever_is_done_first(node: Node) -> None:
    later = asyncio.Event()

    async def probe(node: Node) -> str:
        del node
        later.set()
        return "second"

    both = [check("first", later), Check("second", probe, judge)]

    assert await run(both, node) == [("first", Verdict.OK, "well"), ("second", Verdict.OK, "well")]


async def test_a_check_that_hangs_or_fails_is_a_problem_and_stops_no_other(node: Node) -> None:
    async def fail(node: Node) -> str:
        del node
        raise ValueError("no\nsuch thing")

    checks = [check("slow", asyncio.Event(), 0.05), Check("broken", fail, judge), check("well")]

    assert await run(checks, node) == [
        ("slow", Verdict.PROBLEM, "not done within 0.05 s"),
        ("broken", Verdict.PROBLEM, "could not be done: ValueError: no\nsuch thing"),
        ("well", Verdict.OK, "well"),
    ]


async def test_a_judgement_that_fails_is_a_problem_of_its_check(node: Node) -> None:
    def misjudge(facts: str) -> Sequence[Finding]:
        raise KeyError(facts)

    async def probe(node: Node) -> str:
        del node
        return "x"

    ((name, verdict, _),) = await run([Check("a", probe, misjudge)], node)

    assert (name, verdict) == ("a", Verdict.PROBLEM)


async def test_who_reads_no_further_leaves_no_check_running(node: Node) -> None:
    reading = findings([check("first"), check("hangs", asyncio.Event())], node)

    assert (await anext(reading)).check == "first"
    await reading.aclose()


WELL = Finding("directory", Verdict.OK, "/run/vc/sbs: 2 sandboxes", (), "/run/vc/sbs")
BAD = Finding("vsock", Verdict.PROBLEM, "denied \x1b[2J", ("allow it", "or\u202e not"))
ODD = Finding("clock", Verdict.WARNING, "nobody keeps it")


def test_a_finding_is_a_line_and_one_for_each_thing_to_do() -> None:
    assert as_lines(WELL, color=False) == ["ok       directory      /run/vc/sbs: 2 sandboxes"]
    assert as_lines(BAD, color=False) == [
        r"problem  vsock          denied \x1b[2J",
        "         -> allow it",
        r"         -> or\u202e not",
    ]


def test_on_a_terminal_only_the_verdict_is_coloured() -> None:
    (line, *_) = as_lines(BAD, color=True)

    assert line.startswith("\x1b[31mproblem \x1b[0m vsock ")
    assert line.count("\x1b") == 2


def test_the_last_line_counts_and_a_problem_gives_1() -> None:
    assert total([WELL, WELL, BAD, ODD]) == "2 ok, 1 warning, 1 problem"
    assert exit_code([WELL, ODD]) == 0
    assert exit_code([WELL, BAD]) == 1


@pytest.mark.parametrize(
    ("found", "verdict"),
    [([WELL], "ok"), ([WELL, ODD], "warning"), ([ODD, BAD], "problem"), ([], "ok")],
)
def test_json_has_the_worst_verdict_and_every_finding(found: list[Finding], verdict: str) -> None:
    report = json.loads(as_json(found))

    assert report["verdict"] == verdict
    assert [finding["check"] for finding in report["checks"]] == [f.check for f in found]
