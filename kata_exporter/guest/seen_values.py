"""Label values that a guest chooses: only so many, over time as well as at once."""

from collections.abc import Iterable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")

OTHER = "other"
"""What stands for all values beyond the cap."""

FORGOTTEN_AFTER_SECONDS = 3600.0
"""A value makes room for another one this long after it was last seen."""


class SeenValues(Generic[ValueT]):
    """The values of one label that have room.

    A guest that names other devices in every round so gets no more series in an hour than an honest
    one has at once.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._last_seen: dict[ValueT, float] = {}
        """Oldest first."""

    def __len__(self) -> int:
        return len(self._last_seen)

    def admits(self, value: ValueT, now: float) -> bool:
        """Whether there is room for a value that is seen `now` (monotonic seconds)."""
        if value == OTHER:
            return False
        if value not in self._last_seen and len(self._last_seen) >= self._most:
            self._forget(now)
            if len(self._last_seen) >= self._most:
                return False
        self.see((value,), now)
        return True

    def see(self, values: Iterable[ValueT], now: float) -> None:
        """Take note that values which were admitted are still there."""
        for value in values:
            self._last_seen.pop(value, None)
            self._last_seen[value] = now

    def _forget(self, now: float) -> None:
        # Asked for each value that has no room, of which a hostile text has thousands.
        while self._last_seen:
            oldest, last_seen = next(iter(self._last_seen.items()))
            if now - last_seen < FORGOTTEN_AFTER_SECONDS:
                return
            del self._last_seen[oldest]
