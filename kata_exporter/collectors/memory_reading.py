"""What the accounting of OOMs takes from what was collected.

It is read from the samples as they are published, so that one repair of what an agent sends wrongly
holds for both.
"""

from collections.abc import Iterable

from kata_exporter.collectors.containers.records import MEMORY_LIMIT, MEMORY_WORKING_SET
from kata_exporter.guest.families.memory import MEM_AVAILABLE, MEM_TOTAL
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.metrics import Chunk, Metric
from kata_exporter.model import ContainerMemory, MemoryReading


def of_guest(chunks: Iterable[Chunk]) -> tuple[tuple[Chunk, ...], MemoryReading]:
    """Return a guest's chunks without its count of OOM kills, which the ledger shows, and that."""
    found = {chunk.metric: chunk for chunk in chunks}
    kills = _value(found.pop(OOM_KILLS, None))
    reading = MemoryReading(kills, _single(found, MEM_AVAILABLE), _single(found, MEM_TOTAL))
    return tuple(found.values()), reading


def of_container(chunks: Iterable[Chunk]) -> ContainerMemory | None:
    """Return the memory of one container; None where it has no working set."""
    found = {chunk.metric: chunk for chunk in chunks}
    working_set = _single(found, MEMORY_WORKING_SET)
    if working_set is None:
        return None
    return ContainerMemory(working_set, _single(found, MEMORY_LIMIT))


def _single(found: dict[Metric, Chunk], metric: Metric) -> int | None:
    return _value(found.get(metric))


def _value(chunk: Chunk | None) -> int | None:
    return None if chunk is None else int(float(chunk.values[0]))
