"""The promises hold whatever a sandbox does; a case is the name of a fault and a reason."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from kata_exporter.simulator.faults import needs_hybrid
from promises import INTERVAL_SECONDS, assert_promises, healthy_stand
from rig import samples

pytestmark = pytest.mark.real


@dataclass(frozen=True, slots=True)
class Case:
    """One sandbox of ten suffers from a fault, and is told to be in one of these states."""

    name: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return self.name


def cases(reason: Reason, names: str) -> list[Case]:
    return [Case(name, (reason,)) for name in names.split()]


CASES = (
    *cases(Reason.TIMEOUT, "connect-hang frozen write-hang no-answer header-only body-hang"),
    *cases(Reason.TIMEOUT, "slow-drip status-deadline-exceeded"),
    *cases(Reason.HANDSHAKE_FAILED, "preface-ko preface-eof preface-nul preface-endless"),
    *cases(
        Reason.OK,
        "preface-in-pieces just-in-time late-metrics forged-identity number-zoo stats-bomb",
    ),
    *cases(Reason.CLOSED, "hangs-up reset-unanswered"),
    *cases(Reason.CLOSED, "closed-at-0 closed-at-1 closed-at-9 closed-at-10 closed-at-11"),
    *cases(Reason.CLOSED, "closed-at-10000 reset-at-1 reset-at-10 reset-at-10000"),
    *cases(Reason.TOO_LARGE, "oversize-4gib oversize-4mib oversize-sent status-huge"),
    *cases(Reason.PROTOCOL_ERROR, "garbage wrong-stream-even unknown-type flood bad-protobuf"),
    *cases(Reason.AGENT_ERROR, "status-internal status-unknown-number"),
    *cases(Reason.REJECTED, "many-samples timestamps"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_promises_hold_while_one_sandbox_misbehaves(
    case: Case, tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock) as stand:
        struck = next(s for s in stand.sandboxes if s.kind.hybrid >= needs_hybrid(case.name))

        await assert_promises(stand, case.name, [struck], set(case.reasons))


@pytest.mark.parametrize("name", ["no-answer", "slow-drip"])
async def test_the_promises_hold_while_half_of_the_node_is_hostile(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=50) as stand:
        await assert_promises(stand, name, stand.sandboxes[::2], {Reason.TIMEOUT})


async def test_a_page_says_that_every_sandbox_is_down_where_all_hang(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=50) as stand:

        def nothing_measured_is_shown_for_ever(page: str) -> None:
            if clock.monotonic() - started > 4 * INTERVAL_SECONDS:
                assert not samples(page, "kata_guest_load1")

        started = clock.monotonic()
        await assert_promises(
            stand,
            "no-answer",
            stand.sandboxes,
            {Reason.TIMEOUT},
            meanwhile=nothing_measured_is_shown_for_ever,
        )


async def test_an_oom_event_is_never_asked_for(tmp_path: Path, clock: FakeClock) -> None:
    """Not even of a guest that kills for want of memory all the time."""
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]

        def kill(_page: str) -> None:
            struck.kill_for_memory(struck.containers[0].id)

        await assert_promises(stand, "duplicates", [struck], {Reason.OK}, meanwhile=kill)

        assert samples(stand.rig.page(), "kata_guest_oom_kills_total")[0].endswith(" 4")

        assert {request.method for request in stand.rig.wire} == {
            "Version",
            "GetMetrics",
            "StatsContainer",
        }
