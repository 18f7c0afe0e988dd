"""Kinds of guests: what one does all day.

Ranges are chosen so that a guest never does more than it can: with every wave at its crest at the
same time some CPU is idle on each processor, and some memory free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Profile(StrEnum):
    """What a guest is like."""

    MIXED = "mixed"
    """Anything from quiet to busy."""
    IDLE = "idle"
    BUSY = "busy"
    """Most of the CPU is in use."""
    MEMORY_HOG = "memory_hog"
    """Most of the memory is in use, and containers stay just below their limits."""
    NETWORK_HEAVY = "network_heavy"
    MANY_DISKS = "many_disks"
    """Several disks with a file system each, beside loop devices that nothing uses."""


@dataclass(frozen=True, slots=True)
class Range:
    """From where to where a number is drawn."""

    low: float
    high: float

    def draw(self, rng: Random) -> float:
        """Draw a number."""
        return rng.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Traits:
    """The numbers of a profile: means over time.

    `cores` and `memory` are what the containers use together, as a share of the guest's processors
    and RAM; `iowait` and `softirq` are shares of each processor; the rest is in bytes a second.
    `headroom` is a container's memory limit over the most that it uses, and `limited` the share of
    containers that have one.
    """

    cores: Range = Range(0.06, 0.35)
    memory: Range = Range(0.15, 0.4)
    network: Range = Range(5e3, 4e5)
    read: Range = Range(5e4, 1e6)
    written: Range = Range(5e4, 5e5)
    iowait: Range = Range(0.004, 0.015)
    softirq: Range = Range(0.002, 0.006)
    limited: float = 0.6
    headroom: float = 1.3
    disks: tuple[str, ...] = ("vda",)
    unused_disks: tuple[str, ...] = ()


TRAITS: Mapping[Profile, Traits] = {
    Profile.MIXED: Traits(),
    Profile.IDLE: Traits(
        cores=Range(0.001, 0.005),
        memory=Range(0.04, 0.08),
        network=Range(50.0, 500.0),
        read=Range(0.0, 1e3),
        written=Range(100.0, 5e3),
    ),
    Profile.BUSY: Traits(
        cores=Range(0.33, 0.42),
        memory=Range(0.25, 0.4),
        network=Range(1e5, 1e6),
        read=Range(5e5, 5e6),
        written=Range(5e5, 5e6),
    ),
    Profile.MEMORY_HOG: Traits(memory=Range(0.4, 0.46), limited=1.0, headroom=1.02),
    Profile.NETWORK_HEAVY: Traits(
        cores=Range(0.2, 0.35), network=Range(2e7, 1e8), softirq=Range(0.03, 0.08)
    ),
    Profile.MANY_DISKS: Traits(
        cores=Range(0.1, 0.3),
        read=Range(5e5, 2e7),
        written=Range(5e5, 2e7),
        iowait=Range(0.02, 0.06),
        disks=tuple(f"vd{letter}" for letter in "abcdefgh"),
        unused_disks=(*(f"loop{number}" for number in range(8)), "zram0"),
    ),
}
