"""So many in a lane at a time, the others in their order, and the number may change."""

import asyncio

import pytest

from fake_clock import settle
from kata_exporter.collectors.lane import Lane


class Walkers:
    """Tasks that go into a lane and stay until told."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.inside: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._exits: list[asyncio.Event] = []

    async def come(self, number: int = 1) -> None:
        for _ in range(number):
            self._exits.append(asyncio.Event())
            self.tasks.append(asyncio.create_task(self._walk(len(self.tasks))))
        await settle()

    async def go(self, *numbers: int) -> None:
        for number in numbers:
            self._exits[number].set()
        await settle()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    async def _walk(self, number: int) -> None:
        async with self.lane:
            self.inside.append(number)
            try:
                await self._exits[number].wait()
            finally:
                self.inside.remove(number)


async def test_who_comes_first_is_let_in_first() -> None:
    walkers = Walkers(Lane(2))
    await walkers.come(5)
    assert walkers.inside == [0, 1]

    await walkers.go(1)
    assert walkers.inside == [0, 2]
    await walkers.go(0, 2)

    assert walkers.inside == [3, 4]
    await walkers.end()


async def test_nobody_passes_those_who_wait() -> None:
    """A place is free for a moment, and belongs to who has been called."""
    walkers = Walkers(Lane(1))
    await walkers.come(2)
    walkers._exits[0].set()
    await walkers.tasks[0]
    late = asyncio.create_task(walkers._walk(1))

    await settle()

    assert walkers.inside == [1]
    late.cancel()
    await asyncio.wait([late])
    await walkers.end()


async def test_more_places_let_in_who_waits_at_once() -> None:
    walkers = Walkers(lane := Lane(1))
    await walkers.come(4)

    lane.resize(3)
    await settle()

    assert walkers.inside == [0, 1, 2]
    await walkers.end()


async def test_fewer_places_let_nobody_in_until_enough_have_left() -> None:
    walkers = Walkers(lane := Lane(3))
    await walkers.come(5)

    lane.resize(1)
    await walkers.go(0, 1)
    assert walkers.inside == [2]
    await walkers.go(2)

    assert walkers.inside == [3]
    await walkers.end()


@pytest.mark.parametrize("called", [False, True])
async def test_who_is_cancelled_while_waiting_takes_no_place(called: bool) -> None:  # noqa: FBT001
    """Before it was called, and after, but before it went in."""
    walkers = Walkers(Lane(1))
    await walkers.come(3)
    if called:
        walkers._exits[0].set()
        await walkers.tasks[0]

    walkers.tasks[1].cancel()
    await settle()
    if not called:
        await walkers.go(0)

    assert walkers.inside == [2]
    await walkers.end()


async def test_who_fails_inside_leaves_its_place() -> None:
    lane = Lane(1)

    async def fail() -> None:
        async with lane:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await fail()

    async with asyncio.timeout(1.0), lane:
        pass
