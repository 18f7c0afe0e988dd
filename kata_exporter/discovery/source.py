"""What a source of discovery is."""

from typing import Protocol

from kata_exporter.model import TellDiscovery


class Source(Protocol):
    """Something that sees sandboxes."""

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of what is known to be there, before this returns, and then of what changes."""

    async def aclose(self) -> None:
        """Tell of nothing more; returns when nothing of the source is left running."""
