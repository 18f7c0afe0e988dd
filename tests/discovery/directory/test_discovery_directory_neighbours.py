"""Fault 64: what reads the same shims and watches the same folders, as kata-monitor does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from asyncinotify import Inotify, Mask

from kata_exporter.clock import SystemClock
from kata_exporter.discovery.directory import DirectorySource, checked_ask
from kata_exporter.discovery.shim import ShimClient
from kata_exporter.model import SandboxGone, SandboxSeen
from kata_exporter.simulator import Fleet, SimulatedSandbox
from kata_exporter.telemetry.logs import LogLimiter
from shim_directory import NotedMetrics
from waiting import soon

DIRECTORIES = ("run/vc/sbs", "run/kata")


class Neighbour:
    """Watches the directories, and reads each shim's address and metrics again and again."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.pages: dict[str, int] = {}
        self.events: list[str] = []
        self.failures: list[str] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._watch())
            both.create_task(self._read())

    async def _watch(self) -> None:
        with Inotify() as inotify:
            for directory in DIRECTORIES:
                path = self._fleet.host.root / directory
                inotify.add_watch(path, Mask.CREATE | Mask.DELETE)
            async for event in inotify:
                self.events.append(str(event.name))

    async def _read(self) -> None:
        while True:
            for sandbox in self._fleet.sandboxes:
                await self._read_one(sandbox)
            await asyncio.sleep(0.01)

    async def _read_one(self, sandbox: SimulatedSandbox) -> None:
        # Relative, since a socket's path may not be long.
        connector = aiohttp.UnixConnector(path=_short(sandbox.shim.path))
        async with aiohttp.ClientSession(connector=connector) as session:
            for path in ("/agent-url", "/metrics"):
                try:
                    async with session.get(f"http://shim{path}") as answer:
                        assert await answer.read()
                        assert answer.status == 200
                except (aiohttp.ClientError, OSError) as error:
                    if sandbox in self._fleet.sandboxes:
                        self.failures.append(f"{sandbox.id}{path}: {error}")
                    return
        self.pages[sandbox.id] = self.pages.get(sandbox.id, 0) + 1


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()))


@asynccontextmanager
async def neighbourhood(fleet: Fleet) -> AsyncIterator[Neighbour]:
    neighbour = Neighbour(fleet)
    task = asyncio.create_task(neighbour.run())
    try:
        yield neighbour
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def test_fault_64_neither_disturbs_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fleet = Fleet(tmp_path, sandboxes=8, seed=1)
    await fleet.start()
    told: dict[str, SandboxSeen] = {}

    def tell(event: SandboxSeen | SandboxGone) -> None:
        match event:
            case SandboxSeen():
                told[event.id] = event
            case SandboxGone():
                del told[event.id]

    def all_known() -> bool:
        # Asked once each: nobody's questions have cost an answer.
        return {i: s.agent_url.partition("://")[2] for i, s in told.items()} == {
            s.id: s.agent_url.partition("://")[2] for s in fleet.sandboxes
        } and all(seen.refusal is None for seen in told.values())

    metrics = NotedMetrics()
    source = DirectorySource(
        [str(tmp_path / directory) for directory in DIRECTORIES],
        checked_ask(
            ShimClient(),
            agent_roots=(str(tmp_path / "run/vc/vm"), str(tmp_path / "run/kata")),
            agent_port=1024,
        ),
        SystemClock(),
        metrics=metrics,
        limiter=LogLimiter(SystemClock()),
    )
    async with neighbourhood(fleet) as neighbour:
        await soon(lambda: len(neighbour.pages) == 8)
        source.watch(tell)
        await soon(all_known, within=2.0)
        for sandbox in fleet.sandboxes[:4]:
            await fleet.remove(sandbox)
            added = await fleet.add()
            await soon(all_known, within=2.0)
            assert added.id in told
        pages = dict(neighbour.pages)
        await soon(lambda: all(neighbour.pages[s.id] > pages.get(s.id, 0) for s in fleet.sandboxes))
        await source.aclose()

    assert neighbour.failures == []
    assert {f"demo-{n}" for n in range(9, 13)} <= set(neighbour.events)
    assert metrics.requests == {"ok": 12}
    await fleet.stop()
