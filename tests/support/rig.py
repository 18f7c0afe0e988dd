"""The exporter as a whole on a simulated fleet, over real sockets, on any clock."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from kata_exporter.app import Exporter
from kata_exporter.clock import Clock
from kata_exporter.config.settings import (
    CollectionSettings,
    CollectorSettings,
    ListenAddress,
    OomSettings,
    Settings,
    StaticSandbox,
    WebSettings,
    by_hand,
)
from kata_exporter.simulator import Fleet, SimulatedSandbox
from kata_exporter.sockets import Dialer
from kata_exporter.ttrpc import ServerRequest

ALONE = replace(by_hand(Settings()), oom=OomSettings(source=("vmstat",)))
"""What tests' settings are made of: the shims and the runtime of the machine that they run on are
none of their business, and the simulated shims alone wait for OOM events."""

_IDLE_TURNS = 3
_THREAD_SECONDS = 0.001


def settings_for(
    sandboxes: Sequence[SimulatedSandbox],
    *more: StaticSandbox,
    interval_seconds: float = 1.0,
    max_age_seconds: float | None = None,
    concurrency: int | None = None,
) -> Settings:
    """Settings that list sandboxes, and have the exporter listen on a free port."""
    collection = CollectionSettings(interval_seconds=interval_seconds)
    if max_age_seconds is not None:
        collection = replace(collection, max_age_seconds=max_age_seconds)
    if concurrency is not None:
        collection = replace(collection, concurrency=concurrency)
    return replace(
        ALONE,
        collection=collection,
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        sandboxes=(
            *(StaticSandbox(s.id, s.agent_url, s.pod, s.containers) for s in sandboxes),
            *more,
        ),
    )


class Rig:
    """A fleet, an exporter on it, and every request that the agents saw."""

    def __init__(self, fleet: Fleet, exporter: Exporter, wire: list[ServerRequest]) -> None:
        self.fleet = fleet
        self.exporter = exporter
        self.wire = wire

    def page(self) -> str:
        return self.exporter.render().decode()

    def up(self) -> dict[str, str]:
        return up(self.page())

    def states(self) -> dict[str, str]:
        return states(self.page())

    async def get(self, path: str) -> tuple[int, bytes]:
        url = f"http://{self.exporter.addresses[0]}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.read()

    async def scrape(self) -> str:
        status, page = await self.get("/metrics")
        assert status == 200
        return page.decode()


def up(page: str) -> dict[str, str]:
    """``kata_sandbox_up`` of each sandbox on a page, by its id."""
    return dict(
        re.findall(r'^kata_sandbox_up\{sandbox_id="([^"]*)".*\} ([01])$', page, re.MULTILINE)
    )


def states(page: str) -> dict[str, str]:
    """The reason of each sandbox on a page, by its id."""
    pattern = r'^kata_sandbox_state\{sandbox_id="([^"]*)".*reason="([^"]*)"\} 1$'
    return dict(re.findall(pattern, page, re.MULTILINE))


def samples(page: str, name: str) -> list[str]:
    """The lines of one metric."""
    return [line for line in page.splitlines() if re.match(rf"{name}[{{ ]", line)]


@asynccontextmanager
async def running(
    directory: Path,
    *more: StaticSandbox,
    sandboxes: int = 4,
    environ: dict[str, str] | None = None,
    interval_seconds: float = 1.0,
    max_age_seconds: float | None = None,
    clock: Clock | None = None,
    collectors: CollectorSettings | None = None,
    concurrency: int | None = None,
    dialer: Dialer | None = None,
) -> AsyncIterator[Rig]:
    """Run a fleet and an exporter on it."""
    wire: list[ServerRequest] = []
    fleet = Fleet(directory, sandboxes=sandboxes, seed=1, on_request=wire.append, clock=clock)
    await fleet.start()
    settings = settings_for(
        fleet.sandboxes,
        *more,
        interval_seconds=interval_seconds,
        max_age_seconds=max_age_seconds,
        concurrency=concurrency,
    )
    if collectors is not None:
        settings = replace(settings, collectors=collectors)
    exporter = Exporter(settings, environ=environ or {}, clock=clock, dialer=dialer)
    try:
        await exporter.start()
        yield Rig(fleet, exporter, wire)
    finally:
        await exporter.stop()
        await fleet.stop()


async def quiet() -> None:
    """Return when the event loop has nothing more to do until a timer, or another process."""
    loop = asyncio.get_running_loop()
    ready = loop._ready  # type: ignore[attr-defined]
    idle = 0
    while idle < _IDLE_TURNS:
        # A large text is read in a thread, and the clock of the test isn't to overtake that.
        await asyncio.sleep(_THREAD_SECONDS if _threads_work(loop) else 0)
        idle = 0 if ready or _threads_work(loop) else idle + 1


def _threads_work(loop: asyncio.AbstractEventLoop) -> bool:
    pool = loop._default_executor  # type: ignore[attr-defined]
    return pool is not None and pool._idle_semaphore._value < len(pool._threads)
