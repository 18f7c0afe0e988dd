"""Rounds come at once first, then at a fixed phase; concurrency is bounded, slow ones apart."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter.collectors.scheduler import Scheduler


class Rounds:
    """Counts rounds; each waits at a gate where one is set."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.times: list[float] = []
        self.running = 0
        self.most = 0
        self.gate: asyncio.Event | None = None
        self.slow = False

    async def __call__(self) -> bool:
        self.times.append(self.clock.monotonic())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.running -= 1
        return self.slow


def scheduler_of(clock: FakeClock, *, concurrency: int = 8, slow: int = 2) -> Scheduler:
    return Scheduler(
        clock=clock, interval_seconds=15.0, concurrency=concurrency, slow_concurrency=slow
    )


async def test_the_first_round_comes_at_once(clock: FakeClock) -> None:
    scheduler, rounds = scheduler_of(clock), Rounds(clock)

    scheduler.add("box-a", rounds)
    await settle()

    assert rounds.times == [1000.0]
    await scheduler.aclose()


async def test_later_rounds_keep_their_phase_to_the_interval(clock: FakeClock) -> None:
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    scheduler.add("box-a", rounds)

    await clock.run_for(100.0, step=0.25)

    later = rounds.times[1:]
    assert len(later) >= 6
    assert {round(b - a, 6) for a, b in pairwise(later)} == {15.0}
    await scheduler.aclose()


async def test_phases_spread_over_the_interval(clock: FakeClock) -> None:
    scheduler = scheduler_of(clock)

    phases = [scheduler.next_due(f"box-{n}") % 15.0 for n in range(400)]

    for part in range(5):
        share = sum(part * 3.0 <= phase < (part + 1) * 3.0 for phase in phases)
        assert 40 <= share <= 120


@given(now=st.floats(0, 1e7), key=st.text(max_size=20))
def test_the_next_round_is_within_one_interval_and_on_phase(now: float, key: str) -> None:
    clock = FakeClock(monotonic=now)
    scheduler = scheduler_of(clock)

    due = scheduler.next_due(key)

    assert now < due <= now + 15.0 + 1e-6
    clock.advance(due - now + 0.001)
    assert scheduler.next_due(key) == pytest.approx(due + 15.0, abs=0.01)


async def test_a_round_that_outlasts_the_interval_skips_what_it_missed(clock: FakeClock) -> None:
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    rounds.gate = asyncio.Event()
    scheduler.add("box-a", rounds)

    await clock.run_for(50.0, step=0.5)
    assert len(rounds.times) == 1
    rounds.gate.set()
    await clock.run_for(16.0, step=0.5)

    assert len(rounds.times) == 2
    await scheduler.aclose()


async def test_no_more_rounds_run_at_a_time_than_allowed_and_all_get_their_turn(
    clock: FakeClock,
) -> None:
    scheduler, rounds = scheduler_of(clock, concurrency=6, slow=2), Rounds(clock)
    rounds.gate = asyncio.Event()
    for number in range(20):
        scheduler.add(f"box-{number}", rounds)
    await settle()
    assert rounds.running == 4

    rounds.gate.set()
    await settle(100)

    assert len(rounds.times) == 20
    assert rounds.most == 4
    await scheduler.aclose()


async def test_silent_sandboxes_never_hold_up_the_others(clock: FakeClock) -> None:
    scheduler = scheduler_of(clock, concurrency=4, slow=1)
    hung, healthy = Rounds(clock), Rounds(clock)
    hung.slow = True
    for number in range(12):
        scheduler.add(f"hung-{number}", hung)
    await settle(100)
    hung.gate = asyncio.Event()
    scheduler.add("healthy", healthy)
    before = len(healthy.times)

    await clock.run_for(60.0, step=0.5)

    assert hung.running == 1
    assert len(healthy.times) - before >= 4
    await scheduler.aclose()


async def test_removing_a_key_ends_its_round_under_way(clock: FakeClock) -> None:
    """The gate is never opened: only the cancellation can end the round."""
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    rounds.gate = asyncio.Event()
    scheduler.add("box-a", rounds)
    await settle()

    task = scheduler.remove("box-a")

    assert task is not None
    await asyncio.wait([task])
    assert rounds.running == 0
    assert scheduler.remove("box-a") is None


async def test_removing_a_key_between_rounds_ends_its_wait(clock: FakeClock) -> None:
    """No timer of the removed key remains on the clock."""
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    scheduler.add("box-a", rounds)
    await settle()

    task = scheduler.remove("box-a")

    assert task is not None
    await asyncio.wait([task])
    assert clock.pending == 0


async def test_removing_a_key_that_waits_for_its_turn_gives_the_turn_to_others(
    clock: FakeClock,
) -> None:
    """The semaphore is as free as before."""
    scheduler = scheduler_of(clock, concurrency=2, slow=1)
    first, second, third = Rounds(clock), Rounds(clock), Rounds(clock)
    first.gate = asyncio.Event()
    scheduler.add("first", first)
    scheduler.add("second", second)
    scheduler.add("third", third)
    await settle()
    scheduler.remove("second")

    first.gate.set()
    await settle()

    assert (len(second.times), len(third.times)) == (0, 1)
    await scheduler.aclose()


async def test_a_fault_in_one_round_is_logged_and_the_next_round_comes(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = scheduler_of(clock)
    calls = 0

    async def faulty() -> bool:
        nonlocal calls
        calls += 1
        raise RuntimeError("a bug")

    scheduler.add("box-a", faulty)
    await clock.run_for(31.0, step=0.5)

    assert calls >= 2
    assert "a round failed" in caplog.text
    await scheduler.aclose()
    await scheduler.aclose()


async def test_another_interval_holds_from_the_next_round_on(clock: FakeClock) -> None:
    """Who waits under a long interval doesn't wait it out."""
    scheduler, rounds = (
        Scheduler(clock=clock, interval_seconds=3600.0, concurrency=8),
        Rounds(clock),
    )
    scheduler.add("box-a", rounds)
    await settle()

    scheduler.configure(interval_seconds=15.0, concurrency=8)
    await clock.run_for(60.0, step=0.25)

    assert rounds.times[0] == 1000.0
    assert rounds.times[1] - 1000.0 <= 15.0
    assert {round(b - a, 6) for a, b in pairwise(rounds.times[1:])} == {15.0}
    await scheduler.aclose()


async def test_another_interval_neither_ends_nor_repeats_a_round_under_way(
    clock: FakeClock,
) -> None:
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    rounds.gate = asyncio.Event()
    scheduler.add("box-a", rounds)
    await settle()

    scheduler.configure(interval_seconds=5.0, concurrency=8)
    await settle()
    assert (rounds.running, len(rounds.times)) == (1, 1)
    rounds.gate.set()
    await clock.run_for(20.0, step=0.25)

    assert {round(b - a, 6) for a, b in pairwise(rounds.times[1:])} == {5.0}
    await scheduler.aclose()


async def test_the_same_interval_moves_nobody(clock: FakeClock) -> None:
    scheduler, rounds = scheduler_of(clock), Rounds(clock)
    scheduler.add("box-a", rounds)
    await settle()
    due = scheduler.next_due("box-a")

    clock.advance((due - clock.monotonic()) / 2)
    scheduler.configure(interval_seconds=15.0, concurrency=2)
    clock.advance(due - clock.monotonic())
    await settle()

    assert rounds.times == [1000.0, due]
    await scheduler.aclose()


async def test_another_concurrency_holds_for_both_lanes(clock: FakeClock) -> None:
    scheduler, rounds = Scheduler(clock=clock, interval_seconds=15.0, concurrency=4), Rounds(clock)
    rounds.gate = asyncio.Event()
    for number in range(20):
        scheduler.add(f"box-{number}", rounds)
    await settle()
    assert rounds.running == 3

    scheduler.configure(interval_seconds=15.0, concurrency=16)
    await settle()

    assert rounds.running == 12
    await scheduler.aclose()


async def test_how_long_a_round_waited_for_its_place_is_known_while_it_runs(
    clock: FakeClock,
) -> None:
    scheduler = Scheduler(clock=clock, interval_seconds=15.0, concurrency=1, slow_concurrency=1)
    gate = asyncio.Event()
    waited: dict[str, float] = {}

    def noting(key: str) -> Callable[[], Awaitable[bool]]:
        async def work() -> bool:
            waited[key] = scheduler.waited_seconds(key)
            await gate.wait()
            return False

        return work

    scheduler.add("first", noting("first"))
    scheduler.add("second", noting("second"))
    await settle()
    clock.advance(4.0)
    gate.set()
    await settle()

    assert waited == {"first": 0.0, "second": 4.0}
    assert scheduler.waited_seconds("nobody") == 0.0
    await scheduler.aclose()
