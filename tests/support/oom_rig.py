"""A ledger with a clock that stands still, and all that it told."""

from collections import Counter

from fake_clock import FakeClock
from kata_exporter.exposition.text import render
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.model import (
    Container,
    ContainerExited,
    ContainerFinished,
    ContainerMemory,
    ContainerStarted,
    MemoryReading,
    OomRecord,
    OomSeen,
    Pod,
    Sandbox,
)
from kata_exporter.oom import Ledger

NS = 10**9
MIB = 1 << 20
RETENTION_SECONDS = 900.0


def sandbox(
    sandbox_id: str = "sb1",
    *containers: str,
    generation: int = 1,
    pod: Pod = Pod("shop", "web-0"),  # noqa: B008  frozen
) -> Sandbox:
    """A sandbox with containers ``name:id``, or of one word for both."""
    pairs = [text.partition(":") for text in containers]
    made = tuple(Container(id=id_ or name, name=name) for name, _, id_ in pairs)
    pause = Container(id=sandbox_id, name="")
    return Sandbox(sandbox_id, generation, "unix:///x", pod=pod, containers=(pause, *made))


def at_limit(
    *container_ids: str, kills: int | None = 0, available: int = 512 * MIB
) -> MemoryReading:
    """A reading in which these containers are at their limit, and the guest has memory left."""
    full = ContainerMemory(working_set_bytes=63 * MIB, limit_bytes=64 * MIB)
    return MemoryReading(kills, available, 1024 * MIB, dict.fromkeys(container_ids, full))


class LedgerRig:
    """The ledger under test."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.told: list[OomRecord] = []
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.rejected: Counter[str] = Counter()
        self.unwanted: set[str] = set()
        """Sources whose events count for nobody."""
        self.ledger = self.new_ledger()

    def new_ledger(self) -> Ledger:
        return Ledger(
            clock=self.clock,
            guest_kills=OOM_KILLS,
            retention_seconds=RETENTION_SECONDS,
            on_oom=self.told.append,
            on_event=lambda source, outcome: self.outcomes.update([(source, str(outcome))]),
            on_rejected=lambda reason, n: self.rejected.update({reason: n}),
            is_wanted=lambda _sandbox, source: source not in self.unwanted,
        )

    @property
    def now_ns(self) -> int:
        return int(self.clock.time() * NS)

    def start(self, seen: Sandbox, *sources: str) -> Sandbox:
        self.ledger.started(seen)
        self.ledger.seen_by(seen.id, frozenset(sources or ("containerd", "vmstat")))
        return seen

    def oom(self, container_id: str, *, at: int | None = None, source: str = "containerd") -> None:
        self.ledger.hear(OomSeen(source, container_id, "", self.now_ns if at is None else at))

    def agent_oom(self, sandbox_id: str, container_id: str) -> None:
        self.ledger.hear(OomSeen("agent", container_id, sandbox_id, self.now_ns))

    def started(self, container_id: str, at: int) -> None:
        self.ledger.hear(ContainerStarted("containerd", container_id, "", 1, at))

    def exited(self, container_id: str, at: int) -> None:
        self.ledger.hear(ContainerExited("containerd", container_id, "", 1, 137, at))

    def status(self, container_id: str, at: int, *, oom_killed: bool = True) -> None:
        self.ledger.finished(ContainerFinished("cri", container_id, "", oom_killed, at))

    def page(self) -> str:
        return render(chunk for view in self.ledger.views() for chunk in view.host).decode()

    def series(self, pod: str | None = None) -> dict[str, str]:
        """Values of what is on the page, by ``metric{own labels}`` without identity.

        Args:
            pod: of the pod of this name alone.
        """
        found = {}
        for line in self.page().splitlines():
            if not line.startswith("#"):
                head, _, value = line.rpartition(" ")
                name, _, labels = head.removesuffix("}").partition("{")
                pair, *rest = labels.split(",")[2:]
                if pod is not None and pair != f'pod="{pod}"':
                    continue
                own = ",".join(rest)
                found[f"{name}{{{own}}}" if own else name] = value
        return found

    def events(self, name: str, pod: str | None = None) -> str | None:
        series = f'kata_container_oom_events_total{{container="{name}"}}'
        return self.series(pod).get(series)

    def inferred(self, name: str, pod: str | None = None) -> str | None:
        series = f'kata_container_oom_kills_inferred_total{{container="{name}"}}'
        return self.series(pod).get(series)

    def guest_kills(self, pod: str | None = None) -> str | None:
        return self.series(pod).get("kata_guest_oom_kills_total")
