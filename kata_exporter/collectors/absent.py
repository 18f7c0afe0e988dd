"""Containers that the agent doesn't have, and when each is asked for again.

One that has just ended is no longer listed within a second. One that is listed on and isn't there
is asked for more and more rarely: each refused call costs a line in the guest's log.
"""

from collections.abc import Collection
from dataclasses import dataclass

from kata_exporter.clock import Clock
from kata_exporter.model import Container

FIRST_PAUSE_SECONDS = 30.0
"""After the second miss in a row: after the first, the next round asks as usual."""

LAST_PAUSE_SECONDS = 600.0
"""What the pause, doubled with each further miss, comes to at most."""


@dataclass(frozen=True, slots=True)
class _Miss:
    pause_seconds: float
    again_at: float


class AbsentContainers:
    """Remembers which containers of one sandbox were missed.

    Args:
        clock: for the pauses.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._misses: dict[Container, _Miss] = {}

    def missed(self, container: Container) -> None:
        """Take note that the agent doesn't have it."""
        before = self._misses.get(container)
        if before is None:
            pause = 0.0
        else:
            pause = min(max(2 * before.pause_seconds, FIRST_PAUSE_SECONDS), LAST_PAUSE_SECONDS)
        self._misses[container] = _Miss(pause, self._clock.monotonic() + pause)

    def found(self, container: Container) -> None:
        """Take note that the agent has it."""
        self._misses.pop(container, None)

    def rests(self, container: Container) -> bool:
        """Whether it is not to be asked for now."""
        miss = self._misses.get(container)
        return miss is not None and self._clock.monotonic() < miss.again_at

    def keep(self, containers: Collection[Container]) -> None:
        """Forget all others."""
        self._misses = {c: miss for c, miss in self._misses.items() if c in containers}
