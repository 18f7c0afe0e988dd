"""The account of one sandbox: its containers' OOMs, its guest's kills, and what is shown of them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kata_exporter.metrics import Chunk, Metric, Shape, label_pairs, sample_prefix
from kata_exporter.model import MemoryReading, Sandbox
from kata_exporter.oom.inference import culprit
from kata_exporter.oom.lives import Life, Lives
from kata_exporter.oom.outcome import NAMES_CONTAINERS, OomSource, RejectedReading
from kata_exporter.oom.records import (
    LAST_OOM_TIMESTAMP,
    OOM_EVENTS,
    OOM_KILLS_INFERRED,
    OOM_SOURCE,
    VMM_OOM_KILLS,
)
from kata_exporter.snapshot import sandbox_identity

MAX_CONTAINERS = 512
"""Container ids of one sandbox that are told apart; older ones are summed up under their names."""
MAX_NAMES = 256
"""Names of containers of one sandbox that have series.

One beyond them takes the place of the oldest that has no container now and counted nothing; where
there is none, it is passed over.
"""

SETTLED_AFTER_SECONDS = 5.0
"""How long an event may come after the kill that it tells of, before the kill is inferred."""

MAX_KILLS_AT_ONCE = 1000
MAX_KILLS_PER_SECOND = 1000
"""A rise beyond both is a lie: a kill takes a kernel more than a millisecond."""


class Key(NamedTuple):
    """Who an account is about; the labels of its series."""

    sandbox_id: str
    namespace: str
    pod: str

    @classmethod
    def of(cls, sandbox: Sandbox) -> "Key":
        """Return the key of a sandbox."""
        return cls(sandbox.id, sandbox.pod.namespace, sandbox.pod.name)


class Inferred(NamedTuple):
    """Kills that no event named; ``container_id`` is None where they are nobody's."""

    kills: int
    container_id: str | None
    before: MemoryReading | None


@dataclass(slots=True)
class Named:
    """What is counted under one name of a container.

    ``folded`` are the events of container ids that are no longer told apart.
    """

    folded: int = 0
    inferred: int = 0
    last_oom_time: float | None = None


@dataclass(slots=True)
class _Pending:
    """Kills that may still be named."""

    kills: int
    since: float
    before: MemoryReading | None


@dataclass(slots=True)
class GuestKills:
    """The count of one life of a guest, and what has become of the kills since it was first read."""

    count: int
    read_at: float
    risen: int = 0
    named: int = 0
    settled: int = 0
    pending: list[_Pending] = field(default_factory=list)

    @property
    def unexplained(self) -> int:
        """Kills that no event has named, and that nothing was concluded from yet."""
        return max(0, self.risen - self.named - self.settled)


class Account:
    """All that is known of one sandbox, under one name.

    Args:
        sandbox: as it was last seen.
        guest_kills: the record of the guest's own count.
    """

    def __init__(self, sandbox: Sandbox, guest_kills: Metric) -> None:
        self.sandbox = sandbox
        self.lives = True
        self.sources: frozenset[str] = frozenset()
        self.names: dict[str, Named] = {}
        self.containers: dict[str, tuple[str, Lives]] = {}
        self.passed_over: frozenset[str] = frozenset()
        """Its containers, by id, that have no series: there are too many names."""
        self.guest: GuestKills | None = None
        self.memory: MemoryReading | None = None
        self.vmm = Life()
        """The kills of its VMM, told apart as a container's OOMs are."""
        self._guest_kills = guest_kills
        self._chunks: tuple[Chunk, ...] | None = None
        self.saved: bytes | None = None
        """As the state file has it; None, since something changed."""

    def see(self, sandbox: Sandbox) -> list[Inferred]:
        """Take note of a sandbox as it is now; another generation's guest counts from anew.

        Returns:
            The kills of the guest before that are concluded upon, since no event can name them now.
        """
        concluded: list[Inferred] = []
        if sandbox.generation != self.sandbox.generation:
            concluded = self._settle()
            self.guest = self.memory = None
        self.sandbox = sandbox
        self.lives = True
        for container in sandbox.workload_containers:
            if container.id not in self.containers:
                self._add(container.id, container.name, Lives())
        living = {container.id for container in sandbox.workload_containers}
        self.passed_over = frozenset(living - self.containers.keys())
        self.changed()
        return concluded

    def go(self) -> list[Inferred]:
        """Take note that the sandbox is gone; what was counted stays.

        Returns:
            The kills that are concluded upon: there won't be another reading.
        """
        self.lives = False
        concluded = self._settle()
        self.changed()
        return concluded

    def take_over(self, other: "Account") -> None:
        """Have all that was counted under another name of the same sandbox.

        A container that both know keeps what either was told of it.
        """
        if other.lives:
            self.sandbox, self.sources = other.sandbox, other.sources
            self.guest, self.memory = other.guest, other.memory
        for name, named in other.names.items():
            self._merge_name(name, named)
        for container_id, (name, lives) in other.containers.items():
            if container_id in self.containers:
                self.containers[container_id][1].merge(lives)
            elif name in self.names:
                self._add(container_id, name, lives)
        for source, at_ns in other.vmm.events:
            self.vmm.told(source, at_ns)
        self.vmm.more += other.vmm.more
        self.changed()

    def events(self, name: str) -> int:
        """Return how many OOMs were reported of the containers of a name."""
        return self.events_by_name()[name]

    def events_by_name(self) -> dict[str, int]:
        """Return that of all names."""
        found = {name: named.folded for name, named in self.names.items()}
        for name, lives in self.containers.values():
            found[name] += lives.count
        return found

    def named(self, container_id: str, time: float, *, explains_kill: bool) -> None:
        """Take note of an event of a container; a kill that it explains isn't inferred as well."""
        name, _ = self.containers[container_id]
        named = self.names[name]
        named.last_oom_time = max(time, named.last_oom_time or 0.0)
        if self.guest is not None and explains_kill:
            self.guest.named += 1
        self.changed()

    def vmm_killed(self, source: str, at_ns: int) -> bool:
        """Take that the VMM was killed; returns whether that is news."""
        before = self.vmm.count
        self.vmm.told(source, at_ns)
        self.changed()
        return self.vmm.count > before

    def read(
        self, reading: MemoryReading, now: float
    ) -> tuple[RejectedReading | None, list[Inferred]]:
        """Take what a collection says, at `now` (monotonic).

        Returns:
            Why the count isn't believed, if it isn't; and the kills that are concluded upon.
        """
        rejected, before = None, self._guest_count
        if reading.oom_kills is not None:
            rejected = self._count(reading.oom_kills, now)
        inferred = self._settle(now - SETTLED_AFTER_SECONDS)
        self.memory = reading
        if inferred:
            self.changed()  # nothing else of a reading is saved
        elif self._guest_count != before:
            self._chunks = None  # most readings change nothing: no page is to render them anew
        return rejected, inferred

    def changed(self) -> None:
        """Have it rendered and saved anew."""
        self._chunks = self.saved = None

    def chunks(self) -> tuple[Chunk, ...]:
        """Return what is shown."""
        if self._chunks is None:
            self._chunks = tuple(self._rendered())
        return self._chunks

    def _add(self, container_id: str, name: str, lives: Lives) -> None:
        """Take note of a container; the oldest ones give way, but keep their count."""
        if not self._admit(name):
            return
        self.containers[container_id] = (name, lives)
        while len(self.containers) > MAX_CONTAINERS:
            oldest = next(iter(self.containers))
            old_name, old_lives = self.containers.pop(oldest)
            self.names[old_name].folded += old_lives.count

    def _admit(self, name: str) -> bool:
        """Have a name, if there is room; the oldest one that has nothing to show gives way."""
        if name not in self.names and len(self.names) >= MAX_NAMES:
            idle = self._oldest_idle_name()
            if idle is None:
                return False
            del self.names[idle]
            self.containers = {id_: of for id_, of in self.containers.items() if of[0] != idle}
        self.names.setdefault(name, Named())
        return True

    def _oldest_idle_name(self) -> str | None:
        living = {container.name for container in self.sandbox.workload_containers}
        counts = self.events_by_name()
        for name, named in self.names.items():
            if name not in living and not counts[name] and not named.inferred:
                return name
        return None

    def _merge_name(self, name: str, named: Named) -> None:
        if not self._admit(name):
            return
        own = self.names[name]
        own.folded += named.folded
        own.inferred += named.inferred
        own.last_oom_time = _later(own.last_oom_time, named.last_oom_time)

    @property
    def _guest_count(self) -> int | None:
        return None if self.guest is None else self.guest.count

    def _count(self, kills: int, now: float) -> RejectedReading | None:
        guest = self.guest
        if guest is None:
            self.guest = GuestKills(kills, now)
            return None
        rise = kills - guest.count
        if rise < 0:
            return RejectedReading.FELL
        if rise > MAX_KILLS_AT_ONCE + MAX_KILLS_PER_SECOND * (now - guest.read_at):
            return RejectedReading.LEAPT
        guest.count, guest.read_at = kills, now
        if rise:
            guest.risen += rise
            guest.pending.append(_Pending(rise, now, self.memory))
        return None

    def _settle(self, until: float = math.inf) -> list[Inferred]:
        """Conclude upon the kills that were read by then; all of them, unless told otherwise."""
        guest = self.guest
        concluded: list[Inferred] = []
        while guest and guest.pending and guest.pending[0].since <= until:
            pending = guest.pending.pop(0)
            kills = min(pending.kills, guest.unexplained)
            if not kills:
                continue
            guest.settled += kills
            container_id = culprit(pending.before)
            if container_id is not None and container_id in self.containers:
                name, _ = self.containers[container_id]
                self.names[name].inferred += kills
            else:
                container_id = None
            concluded.append(Inferred(kills, container_id, pending.before))
        return concluded

    def _rendered(self) -> Iterator[Chunk]:
        # Of what is gone only that is shown which happened: dead sandboxes are many.
        sees_containers = self.lives and bool(self.sources & NAMES_CONTAINERS)
        yield from self._by_container(OOM_EVENTS, self.events_by_name(), zero=sees_containers)
        can_infer = self.lives and OomSource.VMSTAT in self.sources and self.guest is not None
        inferred = {name: named.inferred for name, named in self.names.items()}
        yield from self._by_container(OOM_KILLS_INFERRED, inferred, zero=can_infer)
        times = {name: named.last_oom_time for name, named in self.names.items()}
        told = {name: f"{time:.3f}" for name, time in times.items() if time is not None}
        yield from self._chunk(LAST_OOM_TIMESTAMP, "container", told)
        if self.guest is not None and (self.lives or self.guest.count):
            yield from self._chunk(self._guest_kills, "", {"": str(self.guest.count)})
        if self.vmm.count:
            yield from self._chunk(VMM_OOM_KILLS, "", {"": str(self.vmm.count)})
        if self.lives:
            yield from self._chunk(OOM_SOURCE, "source", dict.fromkeys(sorted(self.sources), "1"))

    def _by_container(
        self, metric: Metric, counts: Mapping[str, int], *, zero: bool
    ) -> Iterator[Chunk]:
        shown = {name: str(count) for name, count in counts.items() if count or zero}
        return self._chunk(metric, "container", shown)

    def _chunk(self, metric: Metric, label: str, values: Mapping[str, str]) -> Iterator[Chunk]:
        if not values:
            return
        identity = sandbox_identity(self.sandbox)
        prefixes = tuple(
            sample_prefix(metric.name, identity, label_pairs([(label, value)]) if label else "")
            for value in values
        )
        yield Shape(metric, prefixes).chunk(list(values.values()))


def _later(one: float | None, other: float | None) -> float | None:
    return max((time for time in (one, other) if time is not None), default=None)
