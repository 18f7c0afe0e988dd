"""A feed of events: what each follower gets, and what becomes of events that nobody follows."""

import asyncio

from fake_clock import FakeClock, settle
from kata_exporter.simulator.host.feed import Feed


async def all_of(feed: Feed[int]) -> list[int]:
    return [event async for event in feed.follow()]


async def test_each_follower_gets_what_comes_while_it_follows(clock: FakeClock) -> None:
    feed: Feed[int] = Feed(clock)
    feed.publish(0)
    early = asyncio.create_task(all_of(feed))
    await settle()
    feed.publish(1)
    late = asyncio.create_task(all_of(feed))
    await settle()
    assert feed.followers == 2
    feed.publish(2)
    feed.end()

    assert await early == [1, 2]
    assert await late == [2]
    assert feed.followers == 0


async def test_what_is_held_goes_to_the_first_and_to_no_other(clock: FakeClock) -> None:
    feed: Feed[int] = Feed(clock, hold_seconds=10)
    feed.publish(1)
    clock.advance(6)
    feed.publish(2)
    clock.advance(4)

    first = asyncio.create_task(all_of(feed))
    second = asyncio.create_task(all_of(feed))
    await settle()
    feed.end()

    # The 1 was ten seconds old.
    assert [await first, await second] == [[2], []]


async def test_a_cancelled_follower_is_forgotten(clock: FakeClock) -> None:
    feed: Feed[int] = Feed(clock)
    follower = asyncio.create_task(all_of(feed))
    await settle()

    follower.cancel()
    await asyncio.wait({follower})

    assert feed.followers == 0
