"""What an agent refuses is remembered, told as a state, and never taken for a sign of life."""

from dataclasses import replace
from itertools import pairwise

import pytest

from fake_clock import FakeClock
from fake_observer import METRICS_TEXT, STATS, FakeObserver, failure
from kata_exporter.errors import Reason
from rounds_rig import APP, SANDBOX, Rig, lines


async def test_a_denied_call_is_not_made_again_and_the_others_are(clock: FakeClock) -> None:
    denial = failure(Reason.POLICY_BLOCKED, from_agent=True)
    rig = Rig(clock, FakeObserver(guest_metrics=[denial]))

    first, second = await rig.run(), await rig.run()

    assert first.reason is second.reason is Reason.POLICY_BLOCKED
    assert second.answered
    assert rig.observer.calls.count("guest_metrics") == 1
    assert rig.observer.calls.count("container_stats c1") == 2


async def test_an_agent_that_denies_everything_is_checked_for_life(clock: FakeClock) -> None:
    denial = failure(Reason.POLICY_BLOCKED, from_agent=True)
    observer = FakeObserver(
        guest_metrics=[denial], container_stats=[denial], check=[None, failure(Reason.TIMEOUT)]
    )
    rig = Rig(clock, observer)

    first, second, third = await rig.run(), await rig.run(), await rig.run()

    assert [r.answered for r in (first, second, third)] == [True, True, False]
    assert [r.reason for r in (first, second)] == [Reason.POLICY_BLOCKED] * 2
    assert third.reason is Reason.TIMEOUT
    # The first round has heard the agent say so.
    assert observer.calls.count("check") == 2


async def test_a_check_that_is_refused_is_an_answer_and_asked_again_each_round(
    clock: FakeClock,
) -> None:
    refusal = failure(Reason.UNSUPPORTED, from_agent=True)
    observer = FakeObserver(
        guest_metrics=[refusal],
        container_stats=[refusal],
        check=[refusal, refusal, failure(Reason.TIMEOUT)],
    )
    rig = Rig(clock, observer)

    rounds = [await rig.run() for _ in range(4)]

    assert [r.answered for r in rounds] == [True, True, True, False]
    assert [r.reason for r in rounds] == [Reason.UNSUPPORTED] * 3 + [Reason.TIMEOUT]


@pytest.mark.parametrize(
    ("refused", "hung"),
    [("guest_metrics", "container_stats"), ("container_stats", "guest_metrics")],
)
async def test_a_refusal_that_is_remembered_does_not_hide_that_the_agent_hangs(
    clock: FakeClock, refused: str, hung: str
) -> None:
    denial = failure(Reason.POLICY_BLOCKED, from_agent=True)
    answers = [STATS] * 2 if hung == "container_stats" else [METRICS_TEXT]
    script = {refused: [denial], hung: [*answers, failure(Reason.TIMEOUT)]}
    rig = Rig(clock, FakeObserver(**script))

    alive, hanging = await rig.run(), await rig.run()

    assert (alive.answered, alive.reason) == (True, Reason.POLICY_BLOCKED)
    assert (hanging.answered, hanging.reason) == (False, Reason.TIMEOUT)
    assert hanging.detail.endswith("it is timeout")
    assert rig.rounds.backing_off


async def test_a_refusal_that_was_just_heard_is_an_answer_though_another_call_hangs(
    clock: FakeClock,
) -> None:
    denial = failure(Reason.POLICY_BLOCKED, from_agent=True)
    observer = FakeObserver(guest_metrics=[denial], container_stats=[failure(Reason.TIMEOUT)])

    collected = await Rig(clock, observer).run()

    assert (collected.answered, collected.reason) == (True, Reason.TIMEOUT)


async def test_a_container_that_is_gone_is_passed_over(clock: FakeClock) -> None:
    gone = failure(Reason.GONE, from_agent=True)
    rig = Rig(clock, FakeObserver(container_stats=[gone]))

    collected = await rig.run()

    result = collected.results["container_stats"]
    assert (result.reason, result.chunks) == (Reason.OK, ())


async def test_a_container_that_stays_away_is_asked_for_more_and_more_rarely(
    clock: FakeClock,
) -> None:
    gone = failure(Reason.GONE, from_agent=True)
    rig = Rig(clock, FakeObserver(container_stats=[gone]), replace(SANDBOX, containers=(APP,)))
    asked_at = []
    for _ in range(3600):
        before = len(rig.observer.calls)
        assert (await rig.run()).answered
        if "container_stats c1" in rig.observer.calls[before:]:
            asked_at.append(clock.monotonic() - 1000.0)
        clock.advance(1.0)

    pauses = [after - before for before, after in pairwise(asked_at)]
    assert pauses == [1.0, 30.0, 60.0, 120.0, 240.0, 480.0, *[600.0] * 4]


async def test_a_container_that_comes_at_last_is_shown_and_asked_for_as_any(
    clock: FakeClock,
) -> None:
    gone = failure(Reason.GONE, from_agent=True)
    observer = FakeObserver(container_stats=[gone, gone, STATS])
    rig = Rig(clock, observer, replace(SANDBOX, containers=(APP,)))
    for _ in range(3):
        assert "kata_container" not in lines(await rig.run())

    texts = [lines(await rig.run_later(30.0)) for _ in range(2)]

    assert all('container="app"' in text for text in texts)
    assert observer.calls.count("container_stats c1") == 4


async def test_an_absent_container_does_not_speak_for_an_agent_that_hangs(
    clock: FakeClock,
) -> None:
    gone, timeout = failure(Reason.GONE, from_agent=True), failure(Reason.TIMEOUT)
    observer = FakeObserver(container_stats=[gone], guest_metrics=[METRICS_TEXT] * 2 + [timeout])
    rig = Rig(clock, observer, replace(SANDBOX, containers=(APP,)))

    rounds = [await rig.run() for _ in range(3)]

    assert [r.answered for r in rounds] == [True, True, False]
