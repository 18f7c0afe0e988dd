"""Pages of selections are reused for a second, and only so many are held."""

import gzip

import pytest

from fake_clock import FakeClock
from kata_exporter.exposition import PageFormat, Selection
from kata_exporter.web.page_cache import REUSE_SECONDS
from kata_exporter.web.selected_pages import MAX_BYTES, MAX_PAGES, SelectedPages


class Renderer:
    def __init__(self) -> None:
        self.rendered: list[Selection] = []
        self.formats: list[PageFormat] = []
        self.size = 10

    def __call__(self, selection: Selection, page_format: PageFormat) -> bytes:
        self.rendered.append(selection)
        self.formats.append(page_format)
        return b"x" * self.size


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture
def pages(renderer: Renderer, clock: FakeClock) -> SelectedPages:
    return SelectedPages(renderer, clock)


def of(number: int) -> Selection:
    return Selection(sandboxes=frozenset({f"box-{number}"}))


def test_equal_selections_share_a_page_for_a_second(
    pages: SelectedPages, renderer: Renderer, clock: FakeClock
) -> None:
    for _ in range(3):
        assert pages.page(of(1)).plain() == b"x" * 10
    clock.advance(REUSE_SECONDS)
    pages.page(of(1)).plain()

    assert renderer.rendered == [of(1), of(1)]


def test_each_format_of_a_selection_has_its_page(pages: SelectedPages, renderer: Renderer) -> None:
    for page_format in (*PageFormat, *PageFormat):
        pages.page(of(1), page_format).plain()

    assert renderer.formats == [*PageFormat]
    assert len(pages) == 2


async def test_a_page_is_compressed_once(pages: SelectedPages) -> None:
    first, second = await pages.page(of(1)).gzipped(), await pages.page(of(1)).gzipped()

    assert first is second
    assert gzip.decompress(first) == b"x" * 10


def test_ever_other_selections_make_nothing_grow(pages: SelectedPages, renderer: Renderer) -> None:
    for number in range(10 * MAX_PAGES):
        pages.page(of(number)).plain()
        assert len(pages) <= MAX_PAGES

    renderer.rendered.clear()
    pages.page(of(10 * MAX_PAGES - 1)).plain()
    assert renderer.rendered == []


def test_the_one_that_is_asked_for_again_stays(pages: SelectedPages, renderer: Renderer) -> None:
    for number in range(3 * MAX_PAGES):
        pages.page(of(number)).plain()
        pages.page(of(-1)).plain()

    assert renderer.rendered.count(of(-1)) == 1


def test_large_pages_are_held_in_a_bounded_number_of_bytes(
    pages: SelectedPages, renderer: Renderer
) -> None:
    renderer.size = MAX_BYTES // 4
    for number in range(20):
        pages.page(of(number)).plain()

    assert len(pages) <= 6


def test_old_pages_are_let_go_of(pages: SelectedPages, clock: FakeClock) -> None:
    for number in range(5):
        pages.page(of(number)).plain()
    clock.advance(REUSE_SECONDS)

    pages.drop_old()

    assert len(pages) == 0
