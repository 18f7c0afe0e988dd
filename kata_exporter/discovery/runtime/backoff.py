"""How long to wait before a runtime that went away is dialled again."""

FIRST_SECONDS = 1.0
LAST_SECONDS = 5.0


class Backoff:
    """Pauses that double from `FIRST_SECONDS` to `LAST_SECONDS`, until one success."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def pause_seconds(self) -> float:
        """Return the pause after one more failure."""
        pause, self._next = self._next, min(2 * self._next, LAST_SECONDS)
        return pause

    def succeeded(self) -> None:
        """Begin anew with the shortest."""
        self._next = FIRST_SECONDS
