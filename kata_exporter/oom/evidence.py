"""What the ledger needs of whoever knows that the host's kernel killed a VMM."""

from collections.abc import Callable
from typing import Protocol

from kata_exporter.model import VmmOomKilled

TellVmmOomKilled = Callable[[VmmOomKilled], object]
"""Takes a kill of a VMM; `Ledger.vmm_killed` is one."""


class VmmEvidence(Protocol):
    """Tells of VMMs that the host's kernel has killed, from the host's own words alone.

    A guest can't be asked: it died with its VMM. Evidence may come late, after the sandbox was seen
    to go, and be told more than once: a kill of the same source, sandbox and time is one. So
    ``at_ns`` has to be the kernel's time of the kill, or one that stays the same when the evidence
    is read again, and not when it was read.

    Where there is no such evidence nothing is counted, and the metric is absent.
    """

    def watch(self, tell: TellVmmOomKilled) -> None:
        """Tell of kills that the host remembers, before this returns, and then of those to come.

        `tell` is called on the event loop. What can't be read is told of in the log, tried again,
        and not raised.
        """

    async def aclose(self) -> None:
        """Tell of nothing more; returns when nothing of it is left running."""
