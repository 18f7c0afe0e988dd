"""The ledger: every OOM counted once, under the name of its container, and kept after its death.

Three counters are kept apart, since they count different things: what was reported, what the guest's
kernel counted, and what can be inferred where no event named a kill. Nothing here does IO.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kata_exporter.clock import Clock
from kata_exporter.metrics import Chunk, Metric
from kata_exporter.model import (
    ContainerExited,
    ContainerFinished,
    ContainerStarted,
    EventsMissed,
    MemoryReading,
    OomKind,
    OomRecord,
    OomSeen,
    RuntimeEvent,
    Sandbox,
    VmmOomKilled,
)
from kata_exporter.oom.account import Account, Inferred, Key
from kata_exporter.oom.outcome import OomSource, Outcome
from kata_exporter.oom.owners import Owners

MAX_WAITING = 1024
WAITING_SECONDS = 60.0
"""Events of containers that nobody knows yet: how many wait for how long to become known."""
MAX_GONE = 4096
"""Sandboxes that are gone and still shown."""

_NS = 1_000_000_000

_ContainerEvent = ContainerStarted | ContainerExited | OomSeen | ContainerFinished

OnOom = Callable[[OomRecord], None]
OnEvent = Callable[[str, Outcome], None]
OnRejected = Callable[[str, int], None]
IsWanted = Callable[[Sandbox, str], bool]


@dataclass(frozen=True, slots=True)
class OomCounts:
    """What is counted of one sandbox; ``guest_kills`` is None where the guest hasn't told."""

    reported: Mapping[str, int]
    inferred: Mapping[str, int]
    guest_kills: int | None


NO_COUNTS = OomCounts({}, {}, None)


@dataclass(frozen=True, slots=True)
class AccountView:
    """What is shown of one sandbox, which may be gone."""

    sandbox: Sandbox
    host: tuple[Chunk, ...]

    @property
    def parts(self) -> Mapping[str, tuple[Chunk, ...]]:
        """Nothing: no collector brought it."""
        return {}


class Ledger:
    """Keeps an account per sandbox; a `registry.Listener`.

    Args:
        clock: when things are heard, and what is older than this process.
        guest_kills: the record of the guest's own count.
        retention_seconds: how long a sandbox is shown after its death.
        on_oom: is told of each OOM, once.
        on_event: is told what became of each thing that a source told.
        on_rejected: is told of counts of guests that aren't believed.
        is_wanted: whether events of a source count for a sandbox; all do unless given.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        guest_kills: Metric,
        retention_seconds: float,
        on_oom: OnOom,
        on_event: OnEvent,
        on_rejected: OnRejected,
        is_wanted: IsWanted | None = None,
    ) -> None:
        self._clock = clock
        self._guest_kills = guest_kills
        self._retention_seconds = retention_seconds
        self._on_oom = on_oom
        self._on_event = on_event
        self._on_rejected = on_rejected
        self._is_wanted = is_wanted
        self._began_ns = int(clock.time() * _NS)
        self._accounts: dict[Key, Account] = {}
        self._living: dict[str, Key] = {}
        self._gone: dict[Key, float] = {}
        """When each went (monotonic), the one that went first before the others."""
        self._owners = Owners()
        self._waiting: deque[tuple[float, _ContainerEvent]] = deque()

    def configure(self, *, retention_seconds: float) -> None:
        """Show those that are gone for another time."""
        self._retention_seconds = retention_seconds

    def started(self, sandbox: Sandbox) -> None:
        """Open an account, or go on with the one that the sandbox had."""
        self._see(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Take note of other containers, or of the name that a nameless sandbox has got."""
        self._see(sandbox)

    def stopped(self, sandbox: Sandbox) -> None:
        """Keep what was counted, for a while."""
        key = self._living.pop(sandbox.id, None)
        if key is None:
            return
        self._gone[key] = self._clock.monotonic()
        account = self._accounts[key]
        self._tell_inferred(account, account.go())
        self._forget()

    def hear(self, event: RuntimeEvent) -> None:
        """Take what a container runtime or an agent says that happened."""
        self._forget()
        if isinstance(event, EventsMissed):
            return
        if not event.container_id:
            if isinstance(event, OomSeen):
                self._of_no_container(event)
            return
        self._take_or_keep(event)

    def finished(self, finished: ContainerFinished) -> None:
        """Take how a container ended, as its runtime remembers it."""
        self._forget()
        if finished.container_id:
            self._take_or_keep(finished)

    def vmm_killed(self, killed: VmmOomKilled) -> None:
        """Take that the host's kernel killed a sandbox's VMM, told once or more often.

        The sandbox may have gone already: it dies of that.
        """
        self._forget()
        account = self._account_of(killed.sandbox_id) or self._retained(killed.sandbox_id)
        if account is None:
            self._on_event(killed.source, Outcome.UNKNOWN)
            return
        if not account.vmm_killed(killed.source, killed.at_ns):
            self._on_event(killed.source, Outcome.DUPLICATE)
            return
        self._on_event(killed.source, Outcome.COUNTED)
        self._tell(account, OomKind.VMM, killed.source, None, killed.at_ns / _NS)

    def read(self, sandbox: Sandbox, reading: MemoryReading) -> None:
        """Take what a collection says of a sandbox's memory."""
        account = self._account_of(sandbox.id)
        if account is None or account.sandbox.generation != sandbox.generation:
            return
        rejected, concluded = account.read(reading, self._clock.monotonic())
        if rejected is not None:
            self._on_rejected(rejected, 1)
        self._tell_inferred(account, concluded)

    def seen_by(self, sandbox_id: str, sources: frozenset[str]) -> None:
        """Take note of which sources see a living sandbox now."""
        account = self._account_of(sandbox_id)
        if account is not None and account.sources != sources:
            account.sources = sources
            account.changed()

    def views(self) -> Iterator[AccountView]:
        """Yield what is shown, of those that are gone as well."""
        self._forget()
        for account in self._accounts.values():
            yield AccountView(account.sandbox, account.chunks())

    def counts(self, sandbox_id: str) -> OomCounts:
        """Return what is counted of a living sandbox."""
        account = self._account_of(sandbox_id)
        if account is None:
            return NO_COUNTS
        guest = account.guest
        return OomCounts(
            account.events_by_name(),
            {name: named.inferred for name, named in account.names.items()},
            None if guest is None else guest.count,
        )

    def sandbox_of(self, container_id: str) -> str | None:
        """Return the id of the living sandbox that has a container."""
        key = self._owners.of(container_id)
        if key is None or self._living.get(key.sandbox_id) != key:
            return None
        return key.sandbox_id

    def containers_of(self, sandbox_id: str) -> tuple[str, ...]:
        """Return the ids of a living sandbox's containers, those that have exited included."""
        account = self._account_of(sandbox_id)
        return () if account is None else tuple(account.containers)

    def accounts(self) -> Iterator[tuple[Key, Account]]:
        """Yield every account, to be saved: those that are gone, the first first, then the others."""
        self._forget()
        for key in (*self._gone, *self._living.values()):
            yield key, self._accounts[key]

    def restore(self, key: Key, account: Account) -> None:
        """Take an account that was saved, as one of a sandbox that is gone until it is seen."""
        account.go()
        self._gone[key] = self._clock.monotonic()
        self._accounts[key] = account
        self._owners.set(key, account.containers.keys())

    def _see(self, sandbox: Sandbox) -> None:
        self._forget()
        key, before = Key.of(sandbox), self._living.get(sandbox.id)
        account = self._accounts.get(key)
        if account is None:
            self._accounts[key] = account = Account(sandbox, self._guest_kills)
        # One that was nameless when it was saved, or when it stopped, may come back with a name.
        nameless = Key(sandbox.id, "", "")
        for other in dict.fromkeys((before or nameless, nameless)):
            if other != key and other in self._accounts:
                account.take_over(self._accounts.pop(other))
                self._owners.drop(other)
                self._gone.pop(other, None)
        self._living[sandbox.id] = key
        self._gone.pop(key, None)
        self._tell_inferred(account, account.see(sandbox))
        self._owners.set(key, account.containers.keys() | account.passed_over)
        self._take_waiting()

    def _account_of(self, sandbox_id: str) -> Account | None:
        key = self._living.get(sandbox_id)
        return None if key is None else self._accounts[key]

    def _retained(self, sandbox_id: str) -> Account | None:
        """Return the account of a sandbox that is gone, the latest one of its id."""
        gone = (key for key in reversed(self._gone) if key.sandbox_id == sandbox_id)
        key = next(gone, None)
        return None if key is None else self._accounts[key]

    def _of_no_container(self, event: OomSeen) -> None:
        account = self._account_of(event.sandbox_id)
        if account is None:
            self._on_event(event.source, Outcome.UNKNOWN)
            return
        self._on_event(event.source, Outcome.UNATTRIBUTED)
        time = event.at_ns / _NS
        self._tell(account, OomKind.UNATTRIBUTED, event.source, None, time)

    def _take_or_keep(self, event: _ContainerEvent) -> None:
        """Take an event of a container; keep one of an OOM until its container is known."""
        if self._take(event) or not _is_oom(event):
            return
        if len(self._waiting) >= MAX_WAITING:
            self._on_event(self._waiting.popleft()[1].source, Outcome.UNKNOWN)
        self._waiting.append((self._clock.monotonic(), event))

    def _take_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, deque()
        self._waiting.extend(item for item in waiting if not self._take(item[1]))

    def _take(self, event: _ContainerEvent) -> bool:
        """Take an event of a container; returns whether that is done with."""
        key = self._owners.of(event.container_id)
        if _is_guests_word(event) and (key is None or key != self._living.get(event.sandbox_id)):
            self._on_event(event.source, Outcome.REJECTED)
            return True
        if key is None:
            return False
        account = self._accounts[key]
        if self._is_wanted is not None and not self._is_wanted(account.sandbox, event.source):
            return True
        if event.container_id not in account.passed_over:
            self._record(account, event)
        elif _is_oom(event):
            self._on_event(event.source, Outcome.PASSED_OVER)
        return True

    def _record(self, account: Account, event: _ContainerEvent) -> None:
        _, lives = account.containers[event.container_id]
        before = lives.count
        match event:
            case ContainerStarted():
                lives.started(event.at_ns)
            case ContainerExited():
                lives.ended(event.exited_at_ns)
            case ContainerFinished():
                lives.ended(event.finished_at_ns, oom_killed=event.oom_killed)
                if event.oom_killed:
                    self._counted(account, event, event.finished_at_ns, lives.count - before)
            case OomSeen():
                if event.source == OomSource.CRIO:
                    lives.noted(event.at_ns)
                else:
                    lives.told(event.source, event.at_ns)
                self._counted(account, event, event.at_ns, lives.count - before)
        account.changed()

    def _counted(
        self, account: Account, event: OomSeen | ContainerFinished, at_ns: int, more: int
    ) -> None:
        if not more:
            self._on_event(event.source, Outcome.DUPLICATE)
            return
        is_old = at_ns < self._began_ns
        account.named(event.container_id, at_ns / _NS, explains_kill=not is_old)
        if is_old:
            self._on_event(event.source, Outcome.BEFORE_START)
            return
        self._on_event(event.source, Outcome.COUNTED)
        time = at_ns / _NS
        self._tell(account, OomKind.REPORTED, event.source, event.container_id, time)

    def _tell_inferred(self, account: Account, concluded: list[Inferred]) -> None:
        for kills, container_id, before in concluded:
            self._tell(
                account,
                OomKind.UNATTRIBUTED if container_id is None else OomKind.INFERRED,
                OomSource.VMSTAT,
                container_id,
                self._clock.time(),
                kills=kills,
                memory=before,
            )

    def _tell(
        self,
        account: Account,
        kind: OomKind,
        source: str,
        container_id: str | None,
        time: float,
        *,
        kills: int = 1,
        memory: MemoryReading | None = None,
    ) -> None:
        name, _ = account.containers.get(container_id or "", ("", None))
        reading = memory or account.memory or MemoryReading()
        used = reading.containers.get(container_id or "")
        self._on_oom(
            OomRecord(
                time=time,
                kind=kind,
                source=source,
                sandbox_id=account.sandbox.id,
                pod=account.sandbox.pod,
                container=name,
                container_id=container_id or "",
                kills=kills,
                working_set_bytes=None if used is None else used.working_set_bytes,
                limit_bytes=None if used is None else used.limit_bytes,
            )
        )

    def _forget(self) -> None:
        """Forget events that waited too long, and sandboxes that are gone for too long."""
        now = self._clock.monotonic()
        while self._waiting and now - self._waiting[0][0] >= WAITING_SECONDS:
            self._on_event(self._waiting.popleft()[1].source, Outcome.UNKNOWN)
        while self._gone:
            key, gone_at = next(iter(self._gone.items()))
            if len(self._gone) <= MAX_GONE and now - gone_at < self._retention_seconds:
                return
            del self._gone[key]
            del self._accounts[key]
            self._owners.drop(key)


def _is_oom(event: _ContainerEvent) -> bool:
    return isinstance(event, OomSeen) or (isinstance(event, ContainerFinished) and event.oom_killed)


def _is_guests_word(event: _ContainerEvent) -> bool:
    """Whether a guest chose the container's id: it may be one of its own, and no other's."""
    return isinstance(event, OomSeen) and event.source == OomSource.AGENT
