"""The two versions of control groups, one of which a guest has."""

from enum import IntEnum


class CgroupVersion(IntEnum):
    """The version of a guest's cgroups; what the host has doesn't matter."""

    V1 = 1
    V2 = 2
