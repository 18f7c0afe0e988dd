"""A simulated containerd's socket and the source of its events, on a clock that stands."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fake_clock import FakeClock
from kata_exporter.discovery.containerd import ContainerdEvents, containerd_endpoint
from kata_exporter.model import EventsMissed, RuntimeEvent
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.grpc_socket import GrpcSocket
from waiting import passes, soon


class ContainerdHookNotes:
    """What the source reported of itself."""

    def __init__(self) -> None:
        self.is_subscribed = False
        self.interruptions = 0
        self.errors: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()

    def subscribed(self) -> None:
        self.is_subscribed = True

    def interrupted(self) -> None:
        self.is_subscribed = False
        self.interruptions += 1

    def failed(self, code: str) -> None:
        self.errors[code] += 1

    def heard(self, topic: str) -> None:
        self.events[topic] += 1

    def ignored(self, reason: str) -> None:
        self.passed_over[reason] += 1


class ContainerdStage:
    """What the source told, and the containerd that it hears.

    Args:
        path: of containerd's socket.
        clock: of both.
        namespace: that the source asks for.
    """

    def __init__(self, path: Path, clock: FakeClock, namespace: str = "k8s.io") -> None:
        self.path = path
        self.clock = clock
        self.containerd = SimulatedContainerdEvents(clock)
        self.told: list[RuntimeEvent] = []
        self.hook = ContainerdHookNotes()
        self.sandboxes: set[str] = set()
        self.source = ContainerdEvents(
            containerd_endpoint(f"unix://{path}"),
            clock=clock,
            is_sandbox=self.sandboxes.__contains__,
            namespace=namespace,
            hook=self.hook,
        )
        self._socket = GrpcSocket(path, [self.containerd.service, self.containerd.version_service])

    @property
    def events(self) -> list[RuntimeEvent]:
        """What was told but that events may have been missed."""
        return [event for event in self.told if not isinstance(event, EventsMissed)]

    @property
    def gaps(self) -> int:
        """How often it was told that events may have been missed."""
        return len(self.told) - len(self.events)

    async def start_containerd(self) -> None:
        """Have containerd there, on a new socket."""
        await self._socket.start()

    async def stop_containerd(self) -> None:
        """Have no containerd there."""
        await self._socket.stop()

    async def begin(self) -> None:
        """Start both; returns once events are heard."""
        await self.start_containerd()
        self.source.watch(self.told.append)
        await soon(lambda: self.containerd.subscribers == 1)

    async def passes(self, look: Callable[[], object], *, within: float) -> float:
        """Move time on until `look` is true, and return the seconds; fail after `within`."""
        return await passes(self.clock, look, within=within)


@asynccontextmanager
async def containerd_stage(
    folder: Path, clock: FakeClock, namespace: str = "k8s.io"
) -> AsyncIterator[ContainerdStage]:
    """Make a stage; at the end its source is closed and its containerd stopped."""
    stage = ContainerdStage(folder / "c.sock", clock, namespace)
    try:
        yield stage
    finally:
        await stage.source.aclose()
        await stage.stop_containerd()
