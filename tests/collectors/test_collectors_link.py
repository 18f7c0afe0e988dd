"""The link backs off from a silent agent and remembers what an agent refuses."""

from collections.abc import Callable

import pytest

from fake_clock import FakeClock
from fake_observer import FakeObserver, failure
from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.observer import Observer
from kata_exporter.collectors.link import ASK_AGAIN_SECONDS, MAX_BACKOFF_SECONDS, AgentLink
from kata_exporter.errors import Reason


def link_to(
    *observers: FakeObserver, clock: FakeClock, interval_seconds: float = 15.0
) -> AgentLink:
    connect: Callable[[], Observer] = iter(observers).__next__
    return AgentLink(connect, clock=clock, interval_seconds=interval_seconds)


async def ask(link: AgentLink) -> str:
    return await link.ask("guest_metrics", lambda o: o.guest_metrics(deadline=0.0))


async def test_keeps_one_observer_while_it_lives(clock: FakeClock) -> None:
    link = link_to(first := FakeObserver(), clock=clock)

    for _ in range(2):
        await link.begin()
        await ask(link)

    assert len(first.calls) == 2


async def test_a_round_closes_a_dead_observer_and_makes_a_new_one(clock: FakeClock) -> None:
    link = link_to(first := FakeObserver(), second := FakeObserver(), clock=clock)
    await link.begin()
    first.dead = True

    await link.begin()
    await ask(link)

    assert (first.closed, first.calls, second.calls) == (1, [], ["guest_metrics"])


async def test_within_a_round_a_dead_observer_is_not_replaced(clock: FakeClock) -> None:
    link = link_to(first := FakeObserver(), FakeObserver(), clock=clock)
    await link.begin()
    first.dead = True

    await ask(link)

    assert (first.closed, first.calls) == (0, ["guest_metrics"])


async def test_an_attempt_to_connect_ends_with_its_round(clock: FakeClock) -> None:
    link = link_to(first := FakeObserver(), second := FakeObserver(), clock=clock)
    await link.end()
    await link.begin()
    first.dials = True

    await link.end()
    await link.begin()
    await ask(link)

    assert (first.closed, second.calls) == (1, ["guest_metrics"])


async def test_a_connection_that_was_made_outlasts_its_round(clock: FakeClock) -> None:
    link = link_to(observer := FakeObserver(), clock=clock)
    for _ in range(2):
        await link.begin()
        await ask(link)
        await link.end()

    assert (observer.closed, len(observer.calls)) == (0, 2)


async def test_a_call_before_any_round_is_a_fault_of_ours(clock: FakeClock) -> None:
    with pytest.raises(RuntimeError, match="before the round"):
        await ask(link_to(clock=clock))


async def test_a_failed_round_is_followed_by_the_next_at_its_usual_time(clock: FakeClock) -> None:
    link = link_to(clock=clock)

    link.failed()

    assert link.backing_off
    clock.advance(15.0)
    assert not link.backing_off


async def test_the_pause_doubles_up_to_a_minute(clock: FakeClock) -> None:
    link = link_to(clock=clock)
    pauses = []
    for _ in range(6):
        link.failed()
        start = clock.monotonic()
        while link.backing_off:
            clock.advance(0.5)
        pauses.append(clock.monotonic() - start + 7.5)

    assert pauses == [15.0, 30.0, 60.0, 60.0, 60.0, 60.0]
    assert max(pauses) == MAX_BACKOFF_SECONDS


async def test_a_long_interval_is_never_shortened_by_the_back_off(clock: FakeClock) -> None:
    link = link_to(clock=clock, interval_seconds=300.0)
    for _ in range(5):
        link.failed()

    clock.advance(149.0)
    assert link.backing_off
    clock.advance(1.0)
    assert not link.backing_off


async def test_an_answer_ends_the_back_off(clock: FakeClock) -> None:
    link = link_to(clock=clock)
    link.failed()
    link.failed()

    link.succeeded()

    assert not link.backing_off
    link.failed()
    clock.advance(7.5)
    assert not link.backing_off


@pytest.mark.parametrize("reason", [Reason.POLICY_BLOCKED, Reason.UNSUPPORTED])
async def test_a_refusal_is_remembered_and_asked_again_rarely(
    clock: FakeClock, reason: Reason
) -> None:
    observer = FakeObserver(guest_metrics=[failure(reason), "text"])
    link = link_to(observer, clock=clock)
    await link.begin()

    remembered = []
    for _ in range(3):
        with pytest.raises(AgentError) as caught:
            await ask(link)
        assert caught.value.reason is reason
        remembered.append(caught.value.remembered)
    clock.advance(ASK_AGAIN_SECONDS - 0.1)
    with pytest.raises(AgentError):
        await ask(link)
    assert observer.calls == ["guest_metrics"]
    assert remembered == [False, True, True]

    clock.advance(0.1)
    assert await ask(link) == "text"
    assert await ask(link) == "text"


async def test_what_is_always_asked_is_neither_remembered_nor_told_from_memory(
    clock: FakeClock,
) -> None:
    observer = FakeObserver(guest_metrics=[failure(Reason.UNSUPPORTED), "text"])
    link = link_to(observer, clock=clock)
    await link.begin()

    with pytest.raises(AgentError):
        await link.ask_always(lambda o: o.guest_metrics(deadline=0.0))

    assert await ask(link) == "text"


async def test_an_error_is_no_refusal(clock: FakeClock) -> None:
    observer = FakeObserver(guest_metrics=[failure(Reason.AGENT_ERROR), "text"])
    link = link_to(observer, clock=clock)
    await link.begin()

    with pytest.raises(AgentError):
        await ask(link)

    assert await ask(link) == "text"


async def test_a_shorter_interval_shortens_the_pause(clock: FakeClock) -> None:
    link = link_to(clock=clock, interval_seconds=3600.0)
    link.failed()

    link.configure(interval_seconds=15.0)

    clock.advance(MAX_BACKOFF_SECONDS)
    assert not link.backing_off


async def test_the_pause_doubles_from_the_interval_that_holds(clock: FakeClock) -> None:
    link = link_to(clock=clock, interval_seconds=15.0)
    link.configure(interval_seconds=2.0)
    link.failed()

    clock.advance(1.5)

    assert not link.backing_off
