"""What the sources say of one sandbox, and what follows from it. Pure, as `reconcile`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kata_exporter.model import (
    Container,
    DiscoveryEvent,
    Pod,
    Runtime,
    Sandbox,
    SandboxGone,
    SandboxSeen,
)

PRECEDENCE = ("static", "registration", "directory", "cri")
"""Kinds of sources, most believed first; one that isn't listed comes last. Of two sources of one
kind (``directory:/run/kata``, ``directory:/run/vc/sbs``) the first by name is believed."""

WITHOUT_ADDRESSES = frozenset({"cri"})
"""Sources that name sandboxes, and never know where their agents are."""


@dataclass(frozen=True, slots=True)
class Told:
    """What each source last said of a sandbox that it sees, by source.

    ``births`` are the last that each source told, those that no longer see the sandbox included: a
    source may lose sight of what another one holds, and see the next of its id.
    """

    sightings: Mapping[str, SandboxSeen] = field(default_factory=dict)
    births: Mapping[str, str] = field(default_factory=dict)

    def hear(self, event: DiscoveryEvent) -> "Told":
        """Return what is told once `event` is."""
        match event:
            case SandboxSeen():
                return Told(
                    {**self.sightings, event.source: event},
                    {**self.births, event.source: event.birth},
                )
            case SandboxGone():
                others = {s: seen for s, seen in self.sightings.items() if s != event.source}
                return Told(others, self.births)

    def is_another_birth(self, event: DiscoveryEvent) -> bool:
        """Whether `event` tells of another sandbox of this id than its source told of before."""
        if isinstance(event, SandboxGone):
            return False
        return self.births.get(event.source, event.birth) != event.birth

    @property
    def claim(self) -> str:
        """The agent URL that is claimed; empty where there is none."""
        return self.merged(0).agent_url if self.sightings else ""

    def merged(self, generation: int) -> Sandbox:
        """Return the sandbox that all sources together tell of.

        Raises:
            IndexError: no source sees any.
        """
        ranked = sorted(self.sightings.values(), key=_rank)
        merged = Sandbox(ranked[0].id, generation, "", sources=frozenset(self.sightings))
        for seen in ranked:
            if not merged.agent_url and seen.agent_url:
                merged = replace(merged, agent_url=seen.agent_url, announced=seen.announced)
            merged = replace(
                merged,
                runtime=merged.runtime if merged.runtime is not Runtime.NONE else seen.runtime,
                pod=_merge_pod(merged.pod, seen.pod),
                containers=_merge_containers(merged.containers, seen.containers),
            )
        # One that has no address yet, but may, is believed before one that never has any.
        return merged if merged.agent_url else replace(merged, refusal=ranked[0].refusal)


def _merge_pod(first: Pod, second: Pod) -> Pod:
    return first if first != Pod() else second


def _merge_containers(
    first: tuple[Container, ...], second: tuple[Container, ...]
) -> tuple[Container, ...]:
    return first or second


def _rank(seen: SandboxSeen) -> tuple[int, str]:
    kind = seen.source.partition(":")[0]
    rank = PRECEDENCE.index(kind) if kind in PRECEDENCE else len(PRECEDENCE)
    return rank, seen.source
