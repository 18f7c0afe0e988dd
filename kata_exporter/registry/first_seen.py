"""Since when each generation is known."""

from kata_exporter.clock import Clock
from kata_exporter.model import Sandbox


class FirstSeen:
    """Keeps when each generation was first seen; a `Listener`.

    Args:
        clock: ages are by it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def started(self, sandbox: Sandbox) -> None:
        """Note the time."""
        self._since[sandbox.id] = self._clock.monotonic()

    def updated(self, sandbox: Sandbox) -> None:
        """Do nothing: it is the same generation."""

    def stopped(self, sandbox: Sandbox) -> None:
        """Forget it."""
        del self._since[sandbox.id]

    def age_seconds(self, sandbox_id: str) -> float:
        """Return for how long the generation that is there has been known.

        Raises:
            KeyError: there is none of this id.
        """
        return self._clock.monotonic() - self._since[sandbox_id]
