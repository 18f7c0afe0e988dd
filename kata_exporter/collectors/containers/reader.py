"""From a container's statistics to chunks.

What the guest lacks is absent, and so is what an agent is known to send wrongly. Values are integers
until they are text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kata_exporter.agent.types import ContainerStats
from kata_exporter.collectors.containers.admitted import Admitted
from kata_exporter.collectors.containers.block_io import block_io_samples
from kata_exporter.collectors.containers.cgroup import CgroupVersion, cgroup_version
from kata_exporter.collectors.containers.cpu import cpu_samples
from kata_exporter.collectors.containers.faults import faults_of
from kata_exporter.collectors.containers.huge_pages import huge_page_samples
from kata_exporter.collectors.containers.limits import MAX_BLOCK_DEVICES, MAX_PAGE_SIZES
from kata_exporter.collectors.containers.memory import memory_samples
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart
from kata_exporter.collectors.containers.tasks import task_samples
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.metrics import Chunk, Metric, Shape, label_pairs, sample_prefix


@dataclass(frozen=True, slots=True)
class ContainerReading:
    """What one answer comes to.

    ``chunks`` are in the order of `records.CONTAINER_METRICS`; ``rejected`` has how many values were
    passed over, by reason.
    """

    chunks: tuple[Chunk, ...]
    rejected: Mapping[RejectReason, int]


class _Shaped(NamedTuple):
    labels: tuple[tuple[str, ...], ...]
    shape: Shape


class ContainerReader:
    """Reads the statistics of one container, round by round.

    Args:
        identity: labels of the sandbox and the container as ``key="value",...``.
        agent_version: of the agent that answers; an unknown one counts as new.
    """

    def __init__(self, identity: str, agent_version: str) -> None:
        self._identity = identity
        self._faults = {cgroup: faults_of(agent_version, cgroup) for cgroup in CgroupVersion}
        self._devices = Admitted[tuple[int, int]](MAX_BLOCK_DEVICES)
        self._page_sizes = Admitted[str](MAX_PAGE_SIZES)
        self._shaped: dict[Metric, _Shaped] = {}

    def read(self, stats: ContainerStats) -> ContainerReading:
        """Return what an answer comes to; any answer comes to something."""
        cgroup = cgroup_version(stats)
        at = Circumstances(cgroup, self._faults[cgroup], self._devices, self._page_sizes)
        chunks = tuple(
            [self._shape(samples).chunk(samples.values) for samples in _samples(stats, at)]
        )
        return ContainerReading(chunks, +at.rejected)

    def _shape(self, samples: Samples) -> Shape:
        """Return the shape of the round before, unless a device or the like came or went."""
        metric, _, labels = samples
        known = self._shaped.get(metric)
        if known is None or known.labels != labels:
            shape = Shape(metric, tuple(self._prefix(metric, own) for own in labels))
            self._shaped[metric] = known = _Shaped(labels, shape)
        return known.shape

    def _prefix(self, metric: Metric, own: tuple[str, ...]) -> str:
        pairs = label_pairs(zip(metric.labels, own, strict=True))
        return sample_prefix(metric.name, self._identity, pairs)


def container_chunks(identity: str, stats: ContainerStats, agent_version: str) -> tuple[Chunk, ...]:
    """Read a single answer; whoever asks again and again keeps a `ContainerReader`."""
    return ContainerReader(identity, agent_version).read(stats).chunks


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
