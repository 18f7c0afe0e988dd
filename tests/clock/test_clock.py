"""The machine's clock: timers and sleeps on the running loop."""

import asyncio
import time

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.ttrpc.timing import Clock as TtrpcClock


def test_times_are_the_machines() -> None:
    clock: Clock = SystemClock()

    before = (time.monotonic(), time.time())
    seen = (clock.monotonic(), clock.time())
    after = (time.monotonic(), time.time())

    assert before[0] <= seen[0] <= after[0]
    assert before[1] <= seen[1] <= after[1]


def test_it_is_a_clock_for_ttrpc_too() -> None:
    clock: TtrpcClock = SystemClock()

    assert clock.monotonic() > 0


async def test_timer_runs_once_its_time_has_come() -> None:
    clock = SystemClock()
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    when = clock.monotonic() + 0.01
    clock.call_at(when, lambda: done.set_result(clock.monotonic()))

    # The loop lets a timer come early by its resolution.
    assert await done >= when - 0.001


async def test_timer_of_a_time_gone_by_runs_in_the_next_turns() -> None:
    clock = SystemClock()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clock.call_at(clock.monotonic() - 60, lambda: done.set_result(None))

    await asyncio.wait_for(done, 5)


async def test_timer_that_is_called_off_never_runs() -> None:
    clock = SystemClock()
    ran: list[str] = []
    off = clock.call_at(clock.monotonic(), lambda: ran.append("off"))
    last: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clock.call_at(clock.monotonic() + 0.001, lambda: last.set_result(None))
    off.cancel()
    off.cancel()
    await last

    assert ran == []


async def test_sleep_that_is_not_positive_still_yields() -> None:
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    task = asyncio.create_task(other())
    await SystemClock().sleep(-1)
    order.append("woke")
    await task

    assert order == ["other", "woke"]


async def test_sleep_lasts() -> None:
    clock = SystemClock()
    start = clock.monotonic()
    await clock.sleep(0.01)

    assert clock.monotonic() - start >= 0.009
