"""What a source of discovery is."""

from collections.abc import Callable
from typing import Protocol

from kata_exporter.model import DiscoveryEvent

Tell = Callable[[DiscoveryEvent], object]


class Source(Protocol):
    """Something that sees sandboxes."""

    def watch(self, tell: Tell) -> None:
        """Tell of what is known to be there, before this returns, and then of what changes."""

    async def aclose(self) -> None:
        """Tell of nothing more; returns when nothing of the source is left running."""
