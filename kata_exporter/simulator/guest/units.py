"""Units of the guest's kernel, and a page-wise way of cutting."""

PAGE_BYTES = 4096
SECTOR_BYTES = 512
"""What /proc/diskstats counts in, whatever the disk's own sectors are."""
TICKS_PER_SECOND = 100
"""USER_HZ: what /proc/stat and /proc/<pid>/stat count in."""
MIB = 1024 * 1024
NO_LIMIT = 2**64 - 1
"""What the agent sends for a memory limit of ``max`` on cgroup v2."""
NO_LIMIT_V1 = 2**63 - PAGE_BYTES
"""What cgroup v1 has for no memory limit: the largest number of whole pages."""


def part(whole: int, share: float) -> int:
    """Return `share` (0 to 1) of a number of pages, rounded down."""
    return int(whole * share)
