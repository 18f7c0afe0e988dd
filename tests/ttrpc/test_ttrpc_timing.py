"""A deadline ends what it bounds, and is never taken for somebody else's cancellation."""

import asyncio

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.ttrpc.timing import run_until


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_work_that_ends_in_time_gives_its_result_and_leaves_no_timer(
    clock: FakeClock,
) -> None:
    assert await run_until(clock, clock.monotonic() + 1, asyncio.sleep(0, "done")) == "done"
    assert clock.pending == 0


async def test_error_of_the_work_passes_through(clock: FakeClock) -> None:
    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        await run_until(clock, clock.monotonic() + 1, fail())
    assert clock.pending == 0


async def test_deadline_ends_the_work_at_its_time_and_not_before(clock: FakeClock) -> None:
    ended = []

    async def work() -> None:
        try:
            await for_ever()
        finally:
            ended.append(clock.monotonic())

    start = clock.monotonic()
    task = asyncio.create_task(run_until(clock, start + 5, work()))
    await settle()
    clock.advance(4.9)
    await settle()
    assert ended == []
    clock.advance(0.1)

    with pytest.raises(TimeoutError):
        await task
    assert ended == [start + 5]


async def test_cancelling_from_outside_stays_a_cancellation(clock: FakeClock) -> None:
    task = asyncio.create_task(run_until(clock, clock.monotonic() + 5, for_ever()))
    await settle()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.pending == 0


async def test_cancelling_at_the_moment_of_the_deadline_stays_a_cancellation(
    clock: FakeClock,
) -> None:
    task = asyncio.create_task(run_until(clock, clock.monotonic() + 5, for_ever()))
    await settle()
    clock.advance(5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_deadline_in_the_clean_up_of_a_cancelled_task_is_a_timeout(clock: FakeClock) -> None:
    seen: list[type[BaseException]] = []

    async def cleans_up() -> None:
        try:
            await for_ever()
        finally:
            try:
                await run_until(clock, clock.monotonic() + 1, for_ever())
            except TimeoutError as error:
                seen.append(type(error))

    task = asyncio.create_task(cleans_up())
    await settle()
    task.cancel()
    await settle()
    clock.advance(1)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [TimeoutError]
