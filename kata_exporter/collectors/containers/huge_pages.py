"""Huge pages of a container, by their size."""

import re
from collections.abc import Mapping
from itertools import islice
from operator import itemgetter

from kata_exporter.agent.types import HugetlbStats
from kata_exporter.collectors.containers import faults, records
from kata_exporter.collectors.containers.limits import MAX_PAGE_SIZES
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.seen_values import OTHER

_PAGE_SIZE = re.compile(r"[1-9][0-9]{0,3}[KMG]B", re.ASCII)


def huge_page_samples(by_size: Mapping[str, HugetlbStats], at: Circumstances) -> SamplesOfPart:
    """Read a container's huge pages; sizes are as the kernel writes them, like ``2MB``."""
    found = _sound(by_size, at)
    if not found:
        return
    sizes = tuple((size,) for size in found)
    yield Samples(records.HUGETLB_USAGE, tuple(str(s.usage_bytes) for s in found.values()), sizes)
    peaks = {size: stats.max_usage_bytes for size, stats in found.items()}
    if faults.NO_HUGE_PAGE_PEAK in at.faults:
        peaks = {size: peak for size, peak in peaks.items() if peak}
    if peaks:
        values = tuple(str(peak) for peak in peaks.values())
        yield Samples(records.HUGETLB_MAX_USAGE, values, tuple((size,) for size in peaks))
    yield Samples(records.HUGETLB_FAILCNT, tuple(str(s.failures) for s in found.values()), sizes)


def _sound(by_size: Mapping[str, HugetlbStats], at: Circumstances) -> Mapping[str, HugetlbStats]:
    """Return sizes that can be one, in the order of their names, as the answer has none."""
    sound: dict[str, HugetlbStats] = {}
    at.rejected[RejectReason.TOO_MANY_SERIES] += max(0, len(by_size) - MAX_PAGE_SIZES)
    for size, stats in sorted(islice(by_size.items(), MAX_PAGE_SIZES), key=itemgetter(0)):
        if not _PAGE_SIZE.fullmatch(size):
            at.rejected[RejectReason.BAD_LABEL] += 1
        elif at.page_sizes.admits(size, at.now):
            sound[size] = stats
        else:
            at.rejected[RejectReason.LABEL_OVERFLOW] += 1
            sound[OTHER] = _sum(sound.get(OTHER), stats)
    return sound


def _sum(before: HugetlbStats | None, stats: HugetlbStats) -> HugetlbStats:
    if before is None:
        return stats
    return HugetlbStats(
        before.usage_bytes + stats.usage_bytes,
        before.max_usage_bytes + stats.max_usage_bytes,
        before.failures + stats.failures,
    )
