"""One sandbox attacks, in a fleet of a few: the page before and under it, and what it got read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.metered import Wire
from fake_clock import FakeClock
from kata_exporter.simulator import SimulatedSandbox
from kata_exporter.simulator.faults import Fault
from page import Page, growth
from promises import INTERVAL_SECONDS, Stand, fault, healthy_stand

SANDBOXES = 4
ROUNDS = 4
SIEGE_SECONDS = ROUNDS * INTERVAL_SECONDS
"""As long as measurements are shown that can't be renewed, and an interval more."""


@dataclass
class Siege:
    """An attack; pages and wires are of its time, once it is over."""

    stand: Stand
    attacker: SimulatedSandbox
    before: Page
    pages: list[Page] = field(default_factory=list)
    """Over HTTP, one an interval."""
    wires: list[Wire] = field(default_factory=list)
    """Connections that were made to the attacker."""

    @property
    def after(self) -> Page:
        """The last page."""
        return self.pages[-1]

    def rejected(self) -> dict[str, float]:
        """What was refused meanwhile, by reason."""
        return growth(self.before.rejected(), self.after.rejected())

    def counted(self, name: str, label: str) -> dict[str, float]:
        """What was counted meanwhile in a family with one label, by that."""
        return growth(self.before.counts(name, label), self.after.counts(name, label))

    def assert_neighbours_untouched(self) -> None:
        """Every other sandbox has the series that it had, on every page."""
        for sandbox in self.stand.sandboxes:
            if sandbox is not self.attacker:
                for page in self.pages:
                    assert page.of(sandbox.id).keys() == self.before.of(sandbox.id).keys()


@asynccontextmanager
async def siege(
    what: str | Fault,
    directory: Path,
    clock: FakeClock,
    *,
    rounds: int = ROUNDS,
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Siege]:
    """Have the first sandbox of a healthy fleet attack for some intervals; the attack is then over."""
    async with healthy_stand(directory, clock, sandboxes=SANDBOXES, environ=environ) as stand:
        attacker = stand.sandboxes[0]
        held = Siege(stand, attacker, Page(await stand.rig.scrape()))
        wires = len(stand.meter.wires)
        async with fault(what, [attacker]):
            for _ in range(rounds):
                await stand.run_for(INTERVAL_SECONDS)
                held.pages.append(Page(await stand.rig.scrape()))
            held.wires = [w for w in stand.meter.wires[wires:] if w.url == attacker.agent_url]
        held.assert_neighbours_untouched()
        yield held
