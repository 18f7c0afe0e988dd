"""An exporter that reloads: a fleet, a configuration file that lists it, and a fake clock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from fake_clock import FakeClock
from kata_exporter.app import Exporter
from kata_exporter.config.load import Loader
from kata_exporter.config.look import Look
from kata_exporter.config.reload import LOOK_SECONDS, Reloader
from kata_exporter.simulator import Fleet
from rig import samples
from waiting import soon

RELOADS = "kata_exporter_config_last_reload"

USUAL = (
    "discovery: {directories: []}",
    "cri: {endpoint: none}",
    "containerd: {endpoint: none}",
    "web: {listen_address: '127.0.0.1:0', enable_lifecycle: true}",
)
"""Sections that every test has: nothing of the machine is found, and a free port is used."""

Reload = Callable[["ReloadRig"], Awaitable[None]]


class _CountingLoader(Loader):
    looks = 0

    def look(self) -> Look:
        look = super().look()
        self.looks += 1
        return look


class ReloadRig:
    """A fleet, an exporter on it, and its configuration file."""

    def __init__(self, path: Path, fleet: Fleet, clock: FakeClock, *flags: str) -> None:
        self.path = path
        self.fleet = fleet
        self.clock = clock
        self.write()
        given = (flag.partition("=") for flag in flags)
        self.loader = _CountingLoader(
            config_file=path, environ={}, flags={flag: [value] for flag, _, value in given}
        )
        loaded = self.loader.load()
        self.reloader = Reloader(self.loader, loaded)
        self.exporter = Exporter(loaded.settings, environ={}, clock=clock, reloader=self.reloader)

    def entries(self) -> list[str]:
        """The entries of the fleet's sandboxes, a line each."""
        return [
            f"- {{id: {s.id}, agent_url: '{s.agent_url}', pod: {{namespace: {s.pod.namespace}}},"
            f" containers: [{', '.join(f'{{id: {c.id}, name: {c.name}}}' for c in s.containers)}]}}"
            for s in self.fleet.sandboxes
        ]

    def text(self, *more: str, skip: int = 0, head: str = "") -> str:
        """A configuration with the fleet's sandboxes but for the first `skip`, and more entries.

        A section in `head` stands for the usual one.
        """
        usual = [line for line in USUAL if not f"\n{head}".count(f"\n{line.partition(':')[0]}:")]
        return "\n".join([head, *usual, "sandboxes:", *self.entries()[skip:], *more, ""])

    def write(self, *more: str, skip: int = 0, head: str = "") -> None:
        self.path.write_text(self.text(*more, skip=skip, head=head))

    def page(self) -> str:
        return self.exporter.render().decode()

    def value(self, name: str) -> float:
        (line,) = samples(self.page(), name)
        return float(line.rpartition(" ")[2])

    def generations(self) -> dict[str, int]:
        return {s.id: s.generation for s in self.exporter._registry.sandboxes()}

    async def request(self, path: str, method: str = "GET") -> tuple[int, str]:
        url = f"http://{self.exporter.addresses[0]}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
            return answer.status, await answer.text()

    async def post(self) -> tuple[int, str]:
        return await self.request("/-/reload", "POST")

    async def look(self, times: int = 2) -> None:
        """Let the reloader look at the files so many times."""
        for _ in range(times):
            seen = self.loader.looks
            self.clock.advance(LOOK_SECONDS)
            await soon(lambda seen=seen: self.loader.looks > seen)  # type: ignore[misc]
            # Until what was seen is loaded, and the next look waits for its time.
            await soon(lambda: not self.reloader._turn.locked())


@asynccontextmanager
async def reloading(
    directory: Path, clock: FakeClock, *flags: str, sandboxes: int = 2
) -> AsyncIterator[ReloadRig]:
    """Run a fleet and an exporter whose file lists it, until every sandbox was asked."""
    fleet = Fleet(directory / "fleet", sandboxes=sandboxes, seed=1, clock=clock)
    await fleet.start()
    rig = ReloadRig(directory / "c.yaml", fleet, clock, *flags)
    try:
        await rig.exporter.start()
        await soon(rig.exporter.ready)
        yield rig
    finally:
        await rig.exporter.stop()
        await fleet.stop()
