"""Which container a kill was of that nobody named. Pure."""

from kata_exporter.model import ContainerMemory, MemoryReading

NEAR_LIMIT = 0.95
"""A container whose working set is this part of its limit may be killed at any time."""
GUEST_SPARE = 0.05
"""A guest with less of its memory available may have run out of it itself."""


def culprit(before: MemoryReading | None) -> str | None:
    """Return the id of the only container that can have run into its own limit; None, if none can.

    A guest that is too small kills whatever is largest, and that must not be read as a container's
    limit. Where several containers come into question, none is named.

    Args:
        before: the last collection before the kill.
    """
    if before is None or not _has_spare_memory(before):
        return None
    near = [id_ for id_, memory in before.containers.items() if _is_near_limit(memory, before)]
    return near[0] if len(near) == 1 else None


def _has_spare_memory(reading: MemoryReading) -> bool:
    if reading.available_bytes is None or not reading.total_bytes:
        return False
    return reading.available_bytes >= GUEST_SPARE * reading.total_bytes


def _is_near_limit(memory: ContainerMemory, reading: MemoryReading) -> bool:
    if memory.limit_bytes is None or reading.available_bytes is None:
        return False
    # It could have reached its limit before the guest had nothing left.
    has_room = memory.limit_bytes - memory.working_set_bytes <= reading.available_bytes
    return has_room and memory.working_set_bytes >= NEAR_LIMIT * memory.limit_bytes
