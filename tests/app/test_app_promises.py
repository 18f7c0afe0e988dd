"""The promises hold whatever a sandbox does: each case is a number of the fault matrix and a name."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from promises import INTERVAL_SECONDS, assert_promises, healthy_stand
from rig import samples

pytestmark = pytest.mark.real


@dataclass(frozen=True, slots=True)
class Case:
    """One sandbox of ten suffers from a fault."""

    number: int
    name: str
    reasons: tuple[Reason, ...]
    hybrid: bool = False

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


CASES = (
    Case(1, "connect-hang", (Reason.TIMEOUT,)),
    Case(2, "frozen", (Reason.TIMEOUT,), hybrid=True),
    Case(3, "preface-ko", (Reason.HANDSHAKE_FAILED,), hybrid=True),
    Case(3, "preface-eof", (Reason.HANDSHAKE_FAILED,), hybrid=True),
    Case(3, "preface-nul", (Reason.HANDSHAKE_FAILED,), hybrid=True),
    Case(3, "preface-endless", (Reason.HANDSHAKE_FAILED,), hybrid=True),
    Case(3, "preface-in-pieces", (Reason.OK,), hybrid=True),
    Case(4, "write-hang", (Reason.TIMEOUT,)),
    Case(5, "no-answer", (Reason.TIMEOUT,)),
    Case(6, "header-only", (Reason.TIMEOUT,)),
    Case(6, "body-hang", (Reason.TIMEOUT,)),
    *(Case(7, f"closed-at-{k}", (Reason.CLOSED,)) for k in (0, 1, 9, 10, 11, 10_000)),
    *(Case(7, f"reset-at-{k}", (Reason.CLOSED,)) for k in (0, 1, 9, 10, 11, 10_000)),
    Case(8, "slow-drip", (Reason.TIMEOUT,)),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_promises_hold_while_one_sandbox_misbehaves(
    case: Case, tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock) as stand:
        struck = next(s for s in stand.sandboxes if s.kind.hybrid >= case.hybrid)

        await assert_promises(stand, case.name, [struck], set(case.reasons))


@pytest.mark.parametrize("name", ["no-answer", "slow-drip"])
async def test_23_the_promises_hold_while_half_of_the_node_is_hostile(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=50) as stand:
        await assert_promises(stand, name, stand.sandboxes[::2], {Reason.TIMEOUT})


async def test_24_a_page_says_that_every_sandbox_is_down_where_all_hang(
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


async def test_30_an_oom_event_is_never_asked_for(tmp_path: Path, clock: FakeClock) -> None:
    """Not even of a guest that kills for want of memory all the time."""
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]
        for _ in range(3):
            struck.kill_for_memory(struck.containers[0].id)

        await assert_promises(stand, "duplicates", [struck], {Reason.OK})

        assert {request.method for request in stand.rig.wire} == {
            "Version",
            "GetMetrics",
            "StatsContainer",
        }
