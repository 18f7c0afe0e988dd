"""How an event of discovery changes what is known. Pure: no IO, no clock, nothing kept.

Rules:
1. A sandbox is there while at least one source sees it. What is known of it follows from what each
   source last said, in whatever order they said it.
2. Where sources disagree, the one named first in `told.PRECEDENCE` is believed, field by field where
   it says anything.
3. An agent URL that a shim announced is refused where another sandbox has it too, for all that
   announced it: nobody can tell whose guest would answer. One that an administrator wrote stands.
4. Another birth is another generation, and so is another agent URL once there was one, or its loss:
   the old generation stops before the new one starts, so nothing is inherited.
5. Other changes (pod, containers, the first agent URL) update the generation that is there.
"""

from dataclasses import dataclass, field, replace
from heapq import nsmallest
from types import MappingProxyType

from kata_exporter.model import DiscoveryEvent, Refusal, Sandbox
from kata_exporter.registry.told import Told

CONTESTED = "rejected"
"""The state of a sandbox whose claim is refused, as a value of ``errors.Reason``."""

_NO_IDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """A sandbox, and what it follows from."""

    sandbox: Sandbox
    told: Told


Claims = MappingProxyType[str, frozenset[str]]
"""For each agent URL the ids that claim it."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known: entries by sandbox id, and claims.

    Each event copies both, by their own ``copy``: thirty times as fast as ``dict()`` of a proxy.
    """

    entries: MappingProxyType[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    claims: Claims = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did: the new state, and what to stop, start and update, in this order."""

    known: Known
    stopped: tuple[Sandbox, ...] = ()
    started: tuple[Sandbox, ...] = ()
    updated: tuple[Sandbox, ...] = ()


def reconcile(known: Known, event: DiscoveryEvent, *, next_generation: int) -> Change:
    """Apply an event.

    Args:
        known: what is known.
        event: what a source says.
        next_generation: the number of the first generation that this event may start.
    """
    entry = known.entries.get(event.id)
    before = entry.told if entry is not None else Told()
    after = before.hear(event)
    if after.sightings == before.sightings:
        return Change(known)
    claims = _moved(known.claims, event.id, before.claim, after.claim)
    told = {
        id_: known.entries[id_].told
        for url in {before.claim, after.claim}
        for id_ in _rejudged(known.claims.get(url, _NO_IDS), claims.get(url, _NO_IDS))
        if id_ != event.id
    }
    step = _Step(known, claims, next_generation)
    if after.sightings:
        told[event.id] = after
    else:
        step.end(event.id)
    reborn = event.id if before.is_another_birth(event) else None
    for id_ in sorted(told):
        step.settle(id_, told[id_], reborn=id_ == reborn)
    return step.change()


class _Step:
    """The change that one event makes, as it comes together."""

    def __init__(self, known: Known, claims: Claims, next_generation: int) -> None:
        self._entries = known.entries.copy()
        self._claims = claims
        self._next_generation = next_generation
        self._stopped: list[Sandbox] = []
        self._started: list[Sandbox] = []
        self._updated: list[Sandbox] = []

    def end(self, sandbox_id: str) -> None:
        """End a sandbox that no source sees any more."""
        self._stopped.append(self._entries.pop(sandbox_id).sandbox)

    def settle(self, sandbox_id: str, told: Told, *, reborn: bool) -> None:
        """Let a sandbox be what it is told to be."""
        entry = self._entries.get(sandbox_id)
        before = entry.sandbox if entry is not None else None
        after = self._judged(told.merged(before.generation if before else 0))
        if before is None or reborn or _has_moved(before, after):
            if before is not None:
                self._stopped.append(before)
            after = replace(after, generation=self._next_generation)
            self._next_generation += 1
            self._started.append(after)
        elif after != before:
            self._updated.append(after)
        self._entries[sandbox_id] = Entry(after, told)

    def change(self) -> Change:
        """Return it."""
        known = Known(MappingProxyType(self._entries), self._claims)
        return Change(known, tuple(self._stopped), tuple(self._started), tuple(self._updated))

    def _judged(self, sandbox: Sandbox) -> Sandbox:
        rivalry = _rivalry(self._claims.get(sandbox.agent_url, _NO_IDS))
        rival = next((id_ for id_ in rivalry.first if id_ != sandbox.id), None)
        if sandbox.announced is None or rival is None:
            return sandbox
        others = " and others" if rivalry.many else ""
        detail = f"its agent URL {sandbox.agent_url} is claimed by {rival}{others} too"
        return replace(sandbox, agent_url="", announced=None, refusal=Refusal(CONTESTED, detail))


@dataclass(frozen=True, slots=True)
class _Rivalry:
    """All that one claimant of a URL may come to know of the others."""

    first: tuple[str, ...]
    many: bool


def _rivalry(claimants: frozenset[str]) -> _Rivalry:
    return _Rivalry(tuple(nsmallest(2, claimants)), len(claimants) > 2)


def _rejudged(before: frozenset[str], after: frozenset[str]) -> frozenset[str]:
    """Return the claimants of a URL to whom it makes a difference who else claims it now.

    Where many claim one URL, one more or less makes none: their number doesn't cost its square.
    """
    return after if _rivalry(before) != _rivalry(after) else _NO_IDS


def _has_moved(before: Sandbox, after: Sandbox) -> bool:
    return before.agent_url not in {"", after.agent_url}


def _moved(claims: Claims, sandbox_id: str, before: str, after: str) -> Claims:
    """Return the claims once a sandbox has given up one and made another; "" is none."""
    if before == after:
        return claims
    moved = claims.copy()
    if before:
        moved[before] = moved[before] - {sandbox_id}
        if not moved[before]:
            del moved[before]
    if after:
        moved[after] = moved.get(after, _NO_IDS) | {sandbox_id}
    return MappingProxyType(moved)
