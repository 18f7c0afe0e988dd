"""What answers of a few sandboxes mean: pure."""

import pytest

from kata_exporter.cli.doctor.finding import Verdict
from kata_exporter.cli.doctor.sandbox_facts import Asked, SandboxFacts, ShimSocket, Step
from kata_exporter.cli.doctor.sandbox_findings import judge
from kata_exporter.errors import Reason

FINE = Step(Reason.OK, "vsock://3:1024")
WELL = Asked("a1", "/run/kata", ShimSocket(0, 0, 0o600, True), FINE, FINE, Step(Reason.OK, "4.1.0"))


def with_agent(id_: str, reason: Reason, detail: str = "why") -> Asked:
    return Asked(id_, WELL.directory, WELL.socket, FINE, FINE, Step(reason, detail))


def test_nobody_to_ask_is_no_problem() -> None:
    assert [f.verdict for f in judge(SandboxFacts((), 0, 0))] == [Verdict.SKIPPED] * 3


def test_how_many_more_there_are_is_told() -> None:
    shim, url, agent = judge(SandboxFacts((WELL,), 300, 0))

    assert shim.summary == "1 of 1 asked tell their agent's URL (there are 300)"
    assert url.summary == "1 of 1 may be used: vsock (1)"
    assert agent.summary == "1 of 1 asked answer: 4.1.0 (1)"


@pytest.mark.parametrize(
    ("mode", "advice"),
    [
        (
            0o600,
            "a1: may not be connected to (user 7, group 8, mode 0600): run the exporter as root",
        ),
        (
            0o660,
            (
                "a1: may not be connected to (user 7, group 8, mode 0660): run the exporter as root,"
                " or in group 8"
            ),
        ),
    ],
)
def test_a_denied_socket_names_the_group_where_that_would_do(mode: int, advice: str) -> None:
    failed = Step(Reason.CONNECT_FAILED, "Permission denied")
    asked = Asked("a1", "/run/kata", ShimSocket(7, 8, mode, False), failed)

    (shim, *_) = judge(SandboxFacts((asked,), 1, 0))

    assert (shim.verdict, shim.advice) == (Verdict.PROBLEM, (advice,))


@pytest.mark.parametrize("reason", [Reason.POLICY_BLOCKED, Reason.UNSUPPORTED])
def test_an_agent_that_denies_has_answered(reason: Reason) -> None:
    *_, agent = judge(SandboxFacts((with_agent("a1", reason),), 1, 0))

    assert (agent.verdict, agent.summary) == (Verdict.OK, "1 of 1 asked answer")


@pytest.mark.parametrize("reason", [reason for reason in Reason if not reason.answered])
def test_every_reason_says_who_and_why_and_what_to_do(reason: Reason) -> None:
    asked = (WELL, with_agent("b2", reason), with_agent("c3", reason, "other"))

    *_, agent = judge(SandboxFacts(asked, 3, 0))

    who, what = agent.advice
    assert agent.verdict is Verdict.WARNING
    assert who == f"b2, c3: {reason}: why"
    assert what.startswith(f"{reason}: ")


def test_where_vsock_is_forbidden_its_own_check_says_why() -> None:
    *_, agent = judge(SandboxFacts((with_agent("a1", Reason.VSOCK_FORBIDDEN),), 1, 0))

    assert agent.advice[1] == "vsock_forbidden: see vsock above"
