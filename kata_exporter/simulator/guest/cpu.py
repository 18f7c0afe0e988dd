"""The processors of a simulated guest: the time they spent in each mode, and the load on them."""

import struct
from collections.abc import Callable, Iterable
from math import floor
from random import Random

from kata_exporter.simulator.guest.profiles import Traits
from kata_exporter.simulator.guest.units import TICKS_PER_SECOND
from kata_exporter.simulator.guest.wave import Wave

_TICK_MS = 1000 // TICKS_PER_SECOND
LOAD_SECONDS = {"load1": 60.0, "load5": 300.0, "load15": 900.0}
"""Over how long each load average looks back."""


class GuestCpu:
    """Processors that share their work unevenly, by weights that stay.

    Args:
        rng: what its peculiarities are drawn from.
        cpus: how many there are.
        traits: how long they wait for disks, and are busy with packets.
    """

    def __init__(self, rng: Random, cpus: int, traits: Traits) -> None:
        weights = [rng.uniform(0.85, 1.15) for _ in range(cpus)]
        self.shares = tuple(weight / sum(weights) for weight in weights)
        self._kernel = Wave.random(rng, 0.006 * cpus)
        self._iowait = Wave.random(rng, traits.iowait.draw(rng) * cpus)
        self._softirq = Wave.random(rng, traits.softirq.draw(rng) * cpus)
        self._steal = Wave.random(rng, rng.uniform(0.001, 0.004) * cpus)

    def times(
        self, uptime: float, work: Iterable[tuple[float, float]]
    ) -> tuple[dict[str, int], ...]:
        """Return per CPU the milliseconds in each mode, in whole ticks as the kernel counts.

        Args:
            uptime: seconds since the guest's boot; per CPU the modes add up to it.
            work: seconds in user and in kernel mode that processes have used.
        """
        user, system = (sum(seconds) for seconds in zip(*work, strict=True))
        spent = {
            "user": user,
            "system": system + self._kernel.total(uptime),
            "iowait": self._iowait.total(uptime),
            "softirq": self._softirq.total(uptime),
            "steal": self._steal.total(uptime),
        }
        return tuple(_modes(uptime, spent, share) for share in self.shares)

    def load(self, uptime: float, work: Callable[[float], float]) -> dict[str, float]:
        """Return the load averages.

        Args:
            uptime: seconds since the guest's boot.
            work: gives the average number of cores that processes use, damped by so many seconds.
        """
        return {
            item: _single_precision(
                self._kernel.damped(uptime, seconds)
                + self._iowait.damped(uptime, seconds)
                + work(seconds)
            )
            for item, seconds in LOAD_SECONDS.items()
        }


def _modes(uptime: float, spent: dict[str, float], share: float) -> dict[str, int]:
    # What is idle is a closed form too, and is cut by itself: as a difference of numbers that are
    # already cut it could step back by a tick.
    seconds = {mode: total * share for mode, total in spent.items()}
    seconds["idle"] = uptime - sum(seconds.values())
    modes = dict.fromkeys(("guest", "guest_nice", "irq", "nice"), 0)
    for mode, total in seconds.items():
        modes[mode] = floor(total * TICKS_PER_SECOND) * _TICK_MS
    return modes


def _single_precision(load: float) -> float:
    """Return a load of two decimals as the agent sends it: a 32 bit float, widened."""
    (widened,) = struct.unpack("f", struct.pack("f", round(load, 2)))
    return float(widened)
