"""A simulated runtime's socket and the source of discovery that asks it, on a clock that stands."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fake_clock import FakeClock
from kata_exporter.discovery.cri import CriSource, Selection, cri_endpoint
from kata_exporter.discovery.runtime import Endpoint
from kata_exporter.model import DiscoveryEvent, SandboxGone, SandboxSeen
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import Before, GrpcSocket
from waiting import STEP_SECONDS, passes, soon, take_step


class CriHookNotes:
    """What the source reported of itself."""

    def __init__(self) -> None:
        self.listings = 0
        self.is_stale = True
        self.last_success: float | None = None
        self.errors: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()

    def listed(self, at: float) -> None:
        self.listings += 1
        self.is_stale = False
        self.last_success = at

    def stale(self) -> None:
        self.is_stale = True

    def failed(self, code: str) -> None:
        self.errors[code] += 1

    def rejected(self, reason: str, n: int) -> None:
        self.passed_over[reason] += n


class CriStage:
    """What the source told, and the runtime that it asks.

    Args:
        path: of the runtime's socket.
        clock: of both.
        selection: of the source.
        endpoint: that the source asks; `path` unless given.
    """

    def __init__(
        self,
        path: Path,
        clock: FakeClock,
        selection: Selection | None = None,
        *,
        endpoint: Endpoint | None = None,
    ) -> None:
        self.path = path
        self.clock = clock
        self.view = CriView(clock)
        self.events: list[DiscoveryEvent] = []
        self.hook = CriHookNotes()
        self.called: Counter[str] = Counter()
        self.before: Before | None = None
        self.source = CriSource(
            endpoint or cri_endpoint(f"unix://{path}"),
            clock=clock,
            selection=selection,
            hook=self.hook,
        )
        self._socket: GrpcSocket | None = None

    @property
    def known(self) -> dict[str, SandboxSeen]:
        """What is told now, by id."""
        known: dict[str, SandboxSeen] = {}
        for event in self.events:
            match event:
                case SandboxSeen():
                    known[event.id] = event
                case SandboxGone():
                    del known[event.id]
        return known

    async def start_runtime(
        self, *, has_events: bool = True, version: str = "v2.1.4", name: str = "containerd"
    ) -> None:
        """Have the runtime there, on a new socket."""
        cri = SimulatedCri(
            self.view,
            runtime_name=name,
            runtime_version=version,
            has_events=has_events,
            before=self._before,
        )
        self._socket = GrpcSocket(self.path, [cri.service])
        await self._socket.start()

    async def stop_runtime(self) -> None:
        """Have no runtime there."""
        if self._socket is not None:
            await self._socket.stop()

    async def listed(self) -> None:
        """Return once the source has listed anew; time stands still."""
        before = self.hook.listings
        await soon(lambda: self.hook.listings > before)

    async def run_for(self, seconds: float, *, step: float = STEP_SECONDS) -> None:
        """Move time on, with real time for answers between the steps."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await take_step(self.clock, step)

    async def passes(self, look: Callable[[], object], *, within: float) -> float:
        """Move time on until `look` is true, and return the seconds; fail after `within`."""
        return await passes(self.clock, look, within=within)

    async def _before(self, method: str) -> None:
        self.called[method] += 1
        if self.before is not None:
            await self.before(method)


@asynccontextmanager
async def cri_stage(
    folder: Path,
    clock: FakeClock,
    selection: Selection | None = None,
    *,
    endpoint: Endpoint | None = None,
) -> AsyncIterator[CriStage]:
    """Make a stage; at the end its source is closed and its runtime stopped."""
    stage = CriStage(folder / "cri.sock", clock, selection, endpoint=endpoint)
    try:
        yield stage
    finally:
        await stage.source.aclose()
        await stage.stop_runtime()
