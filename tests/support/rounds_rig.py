"""Rounds of one sandbox over a scripted observer, on a fake clock."""

from collections.abc import Callable, Iterable

from fake_clock import FakeClock
from fake_observer import FakeObserver
from kata_exporter.agent.observer import Observer
from kata_exporter.collectors.rounds import COLLECTORS, RoundSettings, SandboxRounds
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.model import Container, Pod, Sandbox
from kata_exporter.snapshot import Round

APP = Container("c1", "app")
SANDBOX = Sandbox(
    "demo-1",
    1,
    "unix:///run/demo-1.sock",
    pod=Pod("shop", "web-0"),
    containers=(APP, Container("c2", "log"), Container("demo-1", "pause")),
)


class Rig:
    """Rounds over a scripted observer, on a fake clock."""

    def __init__(
        self,
        clock: FakeClock,
        observer: FakeObserver,
        sandbox: Sandbox = SANDBOX,
        *,
        collectors: Iterable[str] = COLLECTORS,
    ) -> None:
        self.clock = clock
        self.collectors = frozenset(collectors)
        self.observer = observer
        self.rejected: list[tuple[str, int]] = []
        self.resets: list[int] = []
        self.rounds = self.rounds_with(lambda _sandbox: observer, sandbox)

    def rounds_with(
        self, connect: Callable[[Sandbox], Observer], sandbox: Sandbox
    ) -> SandboxRounds:
        settings = RoundSettings(
            clock=self.clock,
            interval_seconds=15.0,
            timeout_seconds=5.0,
            layouts=LayoutCache(),
            on_rejected=lambda reason, n: self.rejected.append((str(reason), n)),
            on_resets=self.resets.append,
            collectors=self.collectors,
        )
        return SandboxRounds(sandbox, connect, settings)

    async def run(self) -> Round:
        return await self.rounds.run()

    async def run_later(self, seconds: float = 60.0) -> Round:
        self.clock.advance(seconds)
        return await self.run()


def lines(collected: Round) -> str:
    return b"".join(
        chunk.lines for result in collected.results.values() for chunk in result.chunks or ()
    ).decode()
