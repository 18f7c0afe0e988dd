"""Memory of a container."""

from collections.abc import Mapping

from kata_exporter.agent.types import MemoryStats, MemoryUsage
from kata_exporter.collectors.containers import faults, records
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart

UNLIMITED = 1 << 60
"""A limit from here on is none: 2^64-1 on cgroup v2, 2^63 less a page on v1."""

_FAULTS = tuple(
    (failure_type, scope)
    for failure_type in ("pgfault", "pgmajfault")
    for scope in ("container", "hierarchy")
)


def memory_samples(memory: MemoryStats, at: Circumstances) -> SamplesOfPart:
    """Read the memory statistics of a container."""
    if memory.usage is not None:
        inactive = memory.stat.get("inactive_file" if at.v2 else "total_inactive_file")
        yield from _usage(memory.usage, inactive, at)
    yield from _parts(memory, at)
    if memory.usage is not None:
        yield from _limit(memory.usage, at)
    yield from _page_faults(memory.stat, at)


def _usage(usage: MemoryUsage, inactive_bytes: int | None, at: Circumstances) -> SamplesOfPart:
    yield Samples(records.MEMORY_USAGE, (str(usage.usage_bytes),))
    unknown = faults.NO_MEMORY_PEAK in at.faults and usage.usage_bytes
    if usage.max_usage_bytes or not unknown:
        yield Samples(records.MEMORY_MAX_USAGE, (str(usage.max_usage_bytes),))
    if inactive_bytes is not None:
        working_set = max(0, usage.usage_bytes - inactive_bytes)
        yield Samples(records.MEMORY_WORKING_SET, (str(working_set),))


def _parts(memory: MemoryStats, at: Circumstances) -> SamplesOfPart:
    stat, v2 = memory.stat, at.v2
    prefix = "total_" if memory.use_hierarchy else ""
    swap = memory.swap.usage_bytes if memory.swap is not None else None
    cache = "file" if faults.CACHE_NOT_READ in at.faults else f"{prefix}cache"
    for metric, value in (
        (records.MEMORY_RSS, stat.get("anon" if v2 else f"{prefix}rss")),
        (records.MEMORY_CACHE, stat.get(cache)),
        (records.MEMORY_MAPPED_FILE, stat.get("file_mapped" if v2 else f"{prefix}mapped_file")),
        (records.MEMORY_SWAP, swap if v2 else stat.get(f"{prefix}swap")),
    ):
        if value is not None:
            yield Samples(metric, (str(value),))


def _limit(usage: MemoryUsage, at: Circumstances) -> SamplesOfPart:
    unlimited = faults.NO_MEMORY_LIMIT in at.faults and not 0 < usage.limit_bytes < UNLIMITED
    if not unlimited:
        yield Samples(records.MEMORY_LIMIT, (str(usage.limit_bytes),))
    if usage.failures or faults.NO_MEMORY_FAILURES not in at.faults:
        yield Samples(records.MEMORY_FAILCNT, (str(usage.failures),))


def _page_faults(stat: Mapping[str, int], at: Circumstances) -> SamplesOfPart:
    # On v2 memory.stat always counts the whole hierarchy; a container's cgroup has nothing below.
    prefix = "" if at.v2 else "total_"
    keys = ("pgfault", f"{prefix}pgfault", "pgmajfault", f"{prefix}pgmajfault")
    if all(key in stat for key in keys):
        yield Samples(records.MEMORY_FAILURES, tuple(str(stat[key]) for key in keys), _FAULTS)
