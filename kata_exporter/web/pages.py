"""What the web server serves, as it is injected: nothing here knows where it comes from."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from kata_exporter.exposition import Choices, PageFormat, Selection

Reload = Callable[[], Awaitable[str]]
"""Loads the configuration anew, and returns a line on it; raises `ConfigError` where it can't be used."""


class Pages(Protocol):
    """The exporter as the web server sees it."""

    def render(self, selection: Selection, page_format: PageFormat) -> bytes:
        """Return the page of metrics, or what is selected of it, in a format."""

    def choices(self) -> Choices:
        """Return what a selection may name."""

    def ready(self) -> bool:
        """Whether every sandbox that was there at the start was asked once."""
