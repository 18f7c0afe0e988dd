"""How long the rounds of one sandbox take of late: what says which lane they belong in.

A guest that answers just before each deadline fails nothing, and takes as much of a place as one
that hangs. So time counts, whatever came of it.
"""

SLOW_SHARE = 0.25
"""A sandbox is slow whose rounds take more than this share of their deadline."""

_WEIGHT = 0.5
"""Of the last round in the mean, and of that before it half as much: who is slow every other time
stays slow, and one slow round is forgotten after one or two quick ones."""


class Pace:
    """A mean of durations in which the last count most."""

    def __init__(self) -> None:
        self._mean_seconds = 0.0

    def took(self, seconds: float) -> None:
        """Take note of a round."""
        self._mean_seconds += _WEIGHT * (seconds - self._mean_seconds)

    def is_slow(self, *, timeout_seconds: float) -> bool:
        """Whether the next round belongs with the slow ones, where one may take so long."""
        return self._mean_seconds > SLOW_SHARE * timeout_seconds
