"""How an event of discovery changes what is known. Pure: no IO, no clock, nothing kept.

Rules:
1. A sandbox is there while at least one source sees it.
2. Another birth, or another agent URL, is another generation: the old one stops before the new one
   starts, so nothing is inherited.
3. Other changes (pod, containers) update the generation that is there.
4. Where sources disagree, the one named first in `PRECEDENCE` is believed, field by field where it
   says anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from kata_exporter.model import (
    Container,
    DiscoveryEvent,
    Pod,
    Runtime,
    Sandbox,
    SandboxGone,
    SandboxSeen,
)

PRECEDENCE = ("static",)
"""Sources, most believed first; one that isn't listed comes last."""


@dataclass(frozen=True, slots=True)
class Known:
    """A sandbox, and who sees it."""

    sandbox: Sandbox
    sightings: Mapping[str, SandboxSeen]


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did: the new state, and what to stop, start and update, in this order."""

    known: Mapping[str, Known]
    stopped: tuple[Sandbox, ...] = ()
    started: tuple[Sandbox, ...] = ()
    updated: tuple[Sandbox, ...] = ()


def reconcile(known: Mapping[str, Known], event: DiscoveryEvent, *, next_generation: int) -> Change:
    """Apply an event.

    Args:
        known: what is known, by sandbox id.
        event: what a source says.
        next_generation: the number of a generation that this event may start.
    """
    match event:
        case SandboxSeen():
            return _seen(known, event, next_generation)
        case SandboxGone():
            return _gone(known, event, next_generation)


def _seen(known: Mapping[str, Known], event: SandboxSeen, next_generation: int) -> Change:
    before = known.get(event.id)
    if before is None:
        return _start(known, {event.source: event}, next_generation)
    last = before.sightings.get(event.source)
    if last is not None and last.birth != event.birth:
        # What other sources said was about the old one; they will say it again of the new one.
        return _start(known, {event.source: event}, next_generation)
    sightings = {**before.sightings, event.source: event}
    return _settle(known, before, sightings, next_generation)


def _gone(known: Mapping[str, Known], event: SandboxGone, next_generation: int) -> Change:
    before = known.get(event.id)
    if before is None or event.source not in before.sightings:
        return Change(known)
    sightings = {
        source: seen for source, seen in before.sightings.items() if source != event.source
    }
    if not sightings:
        rest = {id_: entry for id_, entry in known.items() if id_ != event.id}
        return Change(MappingProxyType(rest), stopped=(before.sandbox,))
    return _settle(known, before, sightings, next_generation)


def _settle(
    known: Mapping[str, Known],
    before: Known,
    sightings: Mapping[str, SandboxSeen],
    next_generation: int,
) -> Change:
    after = _merge(sightings, before.sandbox.generation)
    # The URL may change as well because the source that gave it no longer sees the sandbox.
    if after.agent_url != before.sandbox.agent_url:
        return _start(known, sightings, next_generation)
    changed = MappingProxyType({**known, after.id: Known(after, sightings)})
    return Change(changed, updated=(after,) if after != before.sandbox else ())


def _start(
    known: Mapping[str, Known], sightings: Mapping[str, SandboxSeen], generation: int
) -> Change:
    sandbox = _merge(sightings, generation)
    before = known.get(sandbox.id)
    return Change(
        MappingProxyType({**known, sandbox.id: Known(sandbox, sightings)}),
        stopped=() if before is None else (before.sandbox,),
        started=(sandbox,),
    )


def _merge(sightings: Mapping[str, SandboxSeen], generation: int) -> Sandbox:
    ranked = sorted(sightings.values(), key=_rank)
    first = ranked[0]
    merged = Sandbox(
        first.id,
        generation,
        first.agent_url,
        first.runtime,
        first.pod,
        first.containers,
        frozenset(sightings),
    )
    for seen in ranked[1:]:
        merged = replace(
            merged,
            agent_url=merged.agent_url or seen.agent_url,
            runtime=merged.runtime if merged.runtime is not Runtime.NONE else seen.runtime,
            pod=_merge_pod(merged.pod, seen.pod),
            containers=_merge_containers(merged.containers, seen.containers),
        )
    return merged


def _merge_pod(first: Pod, second: Pod) -> Pod:
    return first if first != Pod() else second


def _merge_containers(
    first: tuple[Container, ...], second: tuple[Container, ...]
) -> tuple[Container, ...]:
    return first or second


def _rank(seen: SandboxSeen) -> tuple[int, str]:
    known = seen.source in PRECEDENCE
    return PRECEDENCE.index(seen.source) if known else len(PRECEDENCE), seen.source
