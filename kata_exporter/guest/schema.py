"""The schema: all that a guest's text may say, per version of its agent.

What isn't here is dropped and counted; a guest never adds a name, a type or a label key.
Raw families: ``src/agent/src/metrics.rs`` of Kata Containers 4.1. Our names: node_exporter's.
"""

from collections.abc import Iterable, Mapping

from kata_exporter.guest.families import (
    agent_process,
    cpu,
    disk,
    filesystem,
    load,
    memory,
    network,
    vmstat,
)
from kata_exporter.guest.family import Family, Target
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.version import older_than
from kata_exporter.metrics import Metric

_MILLISECONDS_SINCE = (2, 5, 0)


class Schema:
    """Families by name. Compared by identity, as its records are.

    Args:
        families: in the order in which their metrics are published.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self._families: Mapping[str, Family] = {family.name: family for family in families}
        metrics = [metric for family in self._families.values() for metric in family.metrics]
        self._positions = {metric: position for position, metric in enumerate(metrics)}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics, in the order in which they are published."""
        return tuple(self._positions)

    def position(self, metric: Metric) -> int:
        """Return the place of one of its metrics in that order."""
        return self._positions[metric]

    def resolve(self, family: str, labels: Mapping[str, str]) -> Target | RejectReason | None:
        """Say where a sample goes; None leaves it out, which is no rejection."""
        known = self._families.get(family)
        return RejectReason.UNKNOWN_FAMILY if known is None else known.resolve(labels)


_AFTER_CPU = (
    load.LOAD,
    load.TASKS,
    memory.MEMORY,
    network.NETWORK,
    disk.DISK,
    filesystem.FILESYSTEM_BYTES,
    filesystem.FILESYSTEM_INODES,
    vmstat.VMSTAT,
    agent_process.TOTAL_TIME,
    agent_process.TOTAL_RSS,
    agent_process.TOTAL_VM,
    agent_process.THREADS,
    agent_process.PROC_STATUS,
    agent_process.PROC_STAT,
    agent_process.IO_STAT,
    agent_process.SCRAPE_COUNT,
)
_NEWEST = Schema((cpu.CPU, *_AFTER_CPU))
_CPU_IN_TICKS = Schema((cpu.CPU_IN_TICKS, *_AFTER_CPU))

GUEST_METRICS: tuple[Metric, ...] = _NEWEST.metrics
"""Every metric that a guest's text can become, in the order in which they are published."""


def schema_for(agent_version: str) -> Schema:
    """Return the schema for an agent; for an empty or unreadable version the newest."""
    return _CPU_IN_TICKS if older_than(agent_version, _MILLISECONDS_SINCE) else _NEWEST
