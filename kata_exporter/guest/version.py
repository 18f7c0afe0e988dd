"""Versions of the agent, as it tells them itself."""

import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int]
"""Major, minor and patch."""

_RELEASE = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?:[-+].*)?")


def older_than(agent_version: str, release: Version) -> bool:
    """Whether `agent_version` is a release before `release`.

    A version that can't be read counts as new; a pre-release counts as its release.
    """
    match = _RELEASE.fullmatch(agent_version)
    if match is None:
        return False
    major, minor, patch = match.groups()
    return (int(major), int(minor), int(patch)) < release
