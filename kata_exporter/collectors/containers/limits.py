"""How much of one container's statistics is published; what is beyond is dropped and counted."""

MAX_CPUS = 256
"""As many as Kata gives a guest at most; v1 lists every CPU that could be plugged in."""
MAX_BLOCK_DEVICES = 64
"""In an hour, so that a guest can't add series by naming others in every round."""
MAX_GONE_COUNTERS = 1024
"""Series of one container that are remembered while they are away."""
MAX_BLOCK_ENTRIES = MAX_BLOCK_DEVICES * 12
"""Entries of one list that are looked at: neither version has as many operations per device."""
MAX_PAGE_SIZES = 8
"""In an hour too; no architecture has more than four sizes of huge pages."""
