"""What the web server serves, as it is injected: nothing here knows where it comes from."""

from collections.abc import Awaitable, Callable
from typing import Protocol

Reload = Callable[[], Awaitable[str]]
"""Loads the configuration anew, and returns a line on it; raises `ConfigError` where it can't be used."""


class Pages(Protocol):
    """The exporter as the web server sees it."""

    def render(self) -> bytes:
        """Return the page of metrics, whole."""

    def ready(self) -> bool:
        """Whether every sandbox that was there at the start was asked once."""
