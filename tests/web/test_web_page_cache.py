"""A page is rendered at most once a second and compressed at most once."""

import asyncio
import gzip

from fake_clock import FakeClock
from kata_exporter.web.page_cache import REUSE_SECONDS, PageCache


class Renderer:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> bytes:
        self.times += 1
        return b"page %d\n" % self.times


async def test_a_page_is_reused_for_a_second(clock: FakeClock) -> None:
    cache = PageCache(Renderer(), clock)

    first = cache.plain()
    clock.advance(REUSE_SECONDS - 0.01)
    second = cache.plain()
    clock.advance(0.01)
    third = cache.plain()

    assert (first, second, third) == (b"page 1\n", b"page 1\n", b"page 2\n")


async def test_scrapers_that_come_together_share_one_page(clock: FakeClock) -> None:
    renderer = Renderer()
    cache = PageCache(renderer, clock)

    pages = await asyncio.gather(*(cache.gzipped() for _ in range(10)))

    assert renderer.times == 1
    assert {id(page) for page in pages} == {id(pages[0])}
    assert gzip.decompress(pages[0]) == b"page 1\n"


async def test_a_scraper_that_goes_away_does_not_take_the_page_from_the_others(
    clock: FakeClock,
) -> None:
    """Cancelling one wait leaves the compression, which all share, running."""
    cache = PageCache(Renderer(), clock)
    first = asyncio.create_task(cache.gzipped())
    second = asyncio.create_task(cache.gzipped())
    await asyncio.sleep(0)

    first.cancel()

    assert gzip.decompress(await second) == b"page 1\n"
    assert first.cancelled()


async def test_a_new_page_is_compressed_anew(clock: FakeClock) -> None:
    cache = PageCache(Renderer(), clock)
    await cache.gzipped()
    clock.advance(REUSE_SECONDS)

    assert gzip.decompress(await cache.gzipped()) == b"page 2\n"
