"""Releases of Kata's agent, as far as they matter to what it can be asked."""

import re
from typing import NamedTuple

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:[.+-]|\Z)", re.ASCII)


class Release(NamedTuple):
    """A minor release, which is where methods come and go; ordered."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def release_of(agent_version: str) -> Release | None:
    """Read the version that an agent gives itself, as ``2.1.0-rc0``; None where it is none."""
    match = _VERSION.match(agent_version)
    return None if match is None else Release(int(match[1]), int(match[2]))
