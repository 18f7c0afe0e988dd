"""Pages of selections: each is reused like the whole page, and only so many are held at a time."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from kata_exporter.clock import Clock
from kata_exporter.exposition import PageFormat, Selection
from kata_exporter.web.page_cache import PageCache

MAX_PAGES = 16
"""Prometheus servers and their jobs rarely ask for more than a few selections."""

MAX_BYTES = 32 << 20
"""Together; the page that was asked for last is held however large it is."""


_Key = tuple[Selection, PageFormat]


class SelectedPages:
    """Holds the pages that were asked for last.

    Whoever asks for ever other selections has each rendered, and makes nothing grow.

    Args:
        render: makes the page of a selection; runs on the event loop.
        clock: says how old a page is.
    """

    def __init__(self, render: Callable[[Selection, PageFormat], bytes], clock: Clock) -> None:
        self._render = render
        self._clock = clock
        self._pages: OrderedDict[_Key, PageCache] = OrderedDict()  # asked for last, last

    def __len__(self) -> int:
        return len(self._pages)

    def page(self, selection: Selection, page_format: PageFormat = PageFormat.TEXT) -> PageCache:
        """Return the page of a selection, in a format."""
        self.drop_old()
        key = selection, page_format
        page = self._pages.get(key)
        if page is None:
            self._make_room()
            page = self._pages[key] = PageCache(partial(self._render, *key), self._clock)
        self._pages.move_to_end(key)
        return page

    def drop_old(self) -> None:
        """Let go of the pages that would be rendered anew anyway."""
        for key in [key for key, page in self._pages.items() if page.is_old]:
            del self._pages[key]

    def _make_room(self) -> None:
        while self._pages and (
            len(self._pages) >= MAX_PAGES
            or sum(page.size_bytes for page in self._pages.values()) > MAX_BYTES
        ):
            self._pages.popitem(last=False)
