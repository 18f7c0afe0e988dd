"""The schema: all that a guest's text may say, per version of its agent.

What isn't here is dropped and counted; a guest never adds a name, a type or a label key.
Raw families: ``src/agent/src/metrics.rs`` of Kata Containers, from 2.0.0 to 4.1.0. Our names:
node_exporter's.
"""

from collections.abc import Iterable, Mapping

from kata_exporter.guest.families import (
    agent_library,
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
from kata_exporter.guest.version import Version, older_than
from kata_exporter.metrics import Metric


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


_GUEST_AFTER_CPU = (
    load.LOAD,
    load.TASKS,
    memory.MEMORY,
    network.NETWORK,
    disk.DISK,
    filesystem.FILESYSTEM_BYTES,
    filesystem.FILESYSTEM_INODES,
    vmstat.VMSTAT,
)
_AGENT_TOTALS = (agent_process.TOTAL_TIME, agent_process.TOTAL_RSS, agent_process.TOTAL_VM)
_AGENT_REST = (
    agent_process.PROC_STATUS,
    agent_process.PROC_STAT,
    agent_process.IO_STAT,
    agent_process.SCRAPE_COUNT,
)


def _schema(cpu_time: Family, *threads: Family) -> Schema:
    return Schema((cpu_time, *_GUEST_AFTER_CPU, *_AGENT_TOTALS, *threads, *_AGENT_REST))


_NEWEST = _schema(cpu.CPU, agent_process.THREADS)
_OLDER: tuple[tuple[Version, Schema], ...] = (
    ((2, 5, 0), _schema(cpu.CPU_IN_TICKS, *agent_library.LIBRARY)),
    ((3, 1, 0), _schema(cpu.CPU, *agent_library.LIBRARY)),
    ((3, 3, 0), _schema(cpu.CPU, agent_process.THREADS_UNCOUNTED)),
)
"""What agents sent before a release, the oldest first."""

GUEST_METRICS: tuple[Metric, ...] = tuple(
    dict.fromkeys(
        metric for schema in (_NEWEST, *(older for _, older in _OLDER)) for metric in schema.metrics
    )
)
"""Every metric that a guest's text can become: those of the newest agents, in the order in which
they are published, then those of older ones alone."""


def schema_for(agent_version: str) -> Schema:
    """Return the schema for an agent; for an empty or unreadable version the newest."""
    for release, schema in _OLDER:
        if older_than(agent_version, release):
            return schema
    return _NEWEST
