"""A quantity that swings around its mean: the one source of movement in a simulated guest.

Its value, its integral and its damped average are closed forms of time. So a guest keeps no state
between two readings, can be read at any instant, and its counters can't step back: a counter is
the integral of a wave that stays positive.
"""

from dataclasses import dataclass
from math import atan, ceil, cos, exp, hypot, pi, sin, tau
from random import Random


def seeded(*parts: object) -> Random:
    """Return a generator that depends on `parts` alone, in any process."""
    return Random("/".join(map(str, parts)))  # noqa: S311  simulated numbers, no secrets


@dataclass(frozen=True, slots=True)
class Wave:
    """A sine around `mean`, with `swing` to either side; times are in seconds.

    Raises:
        ValueError: the swing is wider than the mean, so that the wave would fall below 0.
    """

    mean: float
    swing: float = 0.0
    period: float = 60.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.swing <= self.mean:
            raise ValueError(f"a wave of mean {self.mean} can't swing by {self.swing}")

    @classmethod
    def random(cls, rng: Random, mean: float, *, swing: float = 0.6) -> "Wave":
        """Return a wave of this mean; `swing` is a share of it; period and phase are drawn."""
        return cls(mean, mean * swing, rng.uniform(20.0, 120.0), rng.uniform(0.0, tau))

    @property
    def highest(self) -> float:
        """The value at a crest."""
        return self.mean + self.swing

    def at(self, time: float) -> float:
        """Return the value at `time`."""
        return self.mean + self.swing * sin(self._angle(time))

    def total(self, time: float) -> float:
        """Return the integral from 0 to `time`."""
        omega = tau / self.period
        return self.mean * time + self.swing / omega * (cos(self.phase) - cos(self._angle(time)))

    def peak(self, time: float) -> float:
        """Return the highest value from 0 to `time`."""
        first_crest = ceil((self.phase - pi / 2) / tau) * tau + pi / 2
        if self._angle(time) >= first_crest:
            return self.highest
        return max(self.at(0.0), self.at(time))

    def damped(self, time: float, constant: float) -> float:
        """Return the exponentially damped average at `time`, as a load average is, from 0 at 0."""
        lag = tau / self.period * constant
        swing = self.swing / hypot(1.0, lag)
        settled = self.mean + swing * sin(self._angle(time) - atan(lag))
        start = self.mean + swing * sin(self.phase - atan(lag))
        return settled - start * exp(-time / constant)

    def _angle(self, time: float) -> float:
        return tau / self.period * time + self.phase
