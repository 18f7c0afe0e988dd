"""From a container's statistics to chunks.

What the guest lacks is absent, and so is what an agent is known to send wrongly. Values are integers
until they are text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kata_exporter.agent.types import ContainerStats
from kata_exporter.collectors.containers.block_io import block_io_samples
from kata_exporter.collectors.containers.cgroup import CgroupVersion, cgroup_version
from kata_exporter.collectors.containers.cpu import cpu_samples
from kata_exporter.collectors.containers.faults import faults_of
from kata_exporter.collectors.containers.huge_pages import huge_page_samples
from kata_exporter.collectors.containers.limits import (
    MAX_BLOCK_DEVICES,
    MAX_GONE_COUNTERS,
    MAX_PAGE_SIZES,
)
from kata_exporter.collectors.containers.memory import memory_samples
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart
from kata_exporter.collectors.containers.tasks import task_samples
from kata_exporter.guest.falling import Counters, FallingCounters
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.seen_values import SeenValues
from kata_exporter.metrics import Chunk, Metric, MetricType, Shape, label_pairs, sample_prefix


@dataclass(frozen=True, slots=True)
class ContainerReading:
    """What one answer comes to.

    ``chunks`` are in the order of `records.CONTAINER_METRICS`; ``rejected`` has how many values were
    passed over, by reason; ``resets`` says how many counters fell, and were taken as reset.
    """

    chunks: tuple[Chunk, ...]
    rejected: Mapping[RejectReason, int]
    resets: int = 0


class _Row(NamedTuple):
    """What stays the same of a metric's samples, and what its counters last were, if it has any."""

    labels: tuple[tuple[str, ...], ...]
    shape: Shape
    counters: Counters | None


class ContainerReader:
    """Reads the statistics of one container, round by round.

    Args:
        identity: labels of the sandbox and the container as ``key="value",...``.
        agent_version: of the agent that answers; an unknown one counts as new.
    """

    def __init__(self, identity: str, agent_version: str) -> None:
        self._identity = identity
        self._faults = {cgroup: faults_of(agent_version, cgroup) for cgroup in CgroupVersion}
        self._devices = SeenValues[tuple[int, int]](MAX_BLOCK_DEVICES)
        self._page_sizes = SeenValues[str](MAX_PAGE_SIZES)
        self._falling = FallingCounters(MAX_GONE_COUNTERS)
        self._rows: dict[Metric, _Row] = {}

    def read(self, stats: ContainerStats, now: float) -> ContainerReading:
        """Return what an answer that came `now` (monotonic seconds) comes to; any does."""
        cgroup = cgroup_version(stats)
        at = Circumstances(cgroup, self._faults[cgroup], now, self._devices, self._page_sizes)
        self._falling.begin(now)
        chunks = [self._chunk(samples) for samples in _samples(stats, at)]
        at.rejected[RejectReason.TOO_MANY_RESETS] += self._falling.left_out
        published = tuple([chunk for chunk in chunks if chunk is not None])
        return ContainerReading(published, +at.rejected, self._falling.resets)

    def _chunk(self, samples: Samples) -> Chunk | None:
        row = self._row(samples)
        if row.counters is None:
            return row.shape.chunk(samples.values)
        return self._falling.chunk(row.shape, row.counters, samples.values)

    def _row(self, samples: Samples) -> _Row:
        """Return the row of the round before, unless a device or the like came or went."""
        metric, _, labels = samples
        known = self._rows.get(metric)
        if known is not None and known.labels == labels:
            return known
        if known is not None and known.counters is not None:
            self._falling.replace((known.counters,))
        shape = Shape(metric, tuple(self._prefix(metric, own) for own in labels))
        is_counter = metric.type is MetricType.COUNTER
        counters = self._falling.row(metric, labels) if is_counter else None
        self._falling.forget()
        self._rows[metric] = row = _Row(labels, shape, counters)
        return row

    def _prefix(self, metric: Metric, own: tuple[str, ...]) -> str:
        pairs = label_pairs(zip(metric.labels, own, strict=True))
        return sample_prefix(metric.name, self._identity, pairs)


def container_chunks(identity: str, stats: ContainerStats, agent_version: str) -> tuple[Chunk, ...]:
    """Read a single answer; whoever asks again and again keeps a `ContainerReader`."""
    return ContainerReader(identity, agent_version).read(stats, 0.0).chunks


def _samples(stats: ContainerStats, at: Circumstances) -> SamplesOfPart:
    if stats.cpu is not None:
        yield from cpu_samples(stats.cpu, at)
    if stats.memory is not None:
        yield from memory_samples(stats.memory, at)
    if stats.pids is not None:
        yield from task_samples(stats.pids, at)
    yield from block_io_samples(stats, at)
    if stats.hugetlb is not None:
        yield from huge_page_samples(stats.hugetlb, at)
