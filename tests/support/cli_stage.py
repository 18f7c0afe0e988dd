"""Stand-ins for the exporter and the fleet, so that commands are tested by themselves."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kata_exporter.cli import simulation
from kata_exporter.config.settings import Settings
from kata_exporter.simulator import Scenario
from kata_exporter.telemetry.logs import fields

PAGE = b'kata_sandbox_up{sandbox_id="demo-1"} 1\n'


@dataclass(frozen=True)
class Summary:
    sandboxes: int = 0
    up: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    series: int = 7


async def _nothing() -> None:
    """Do nothing."""


async def _nothing_happens(_tell: Callable[[str], object]) -> None:
    """Do nothing."""


async def terminate() -> None:
    """Send this process SIGTERM."""
    signal.raise_signal(signal.SIGTERM)


@dataclass
class Stage:
    """What commands did, and how the stand-ins are to behave."""

    calls: list[str] = field(default_factory=list)
    settings: Settings | None = None
    log: tuple[str, str] | None = None
    fleet: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    addresses: tuple[str, ...] = ("127.0.0.1:9823",)
    summary: Summary = field(default_factory=Summary)
    on_start: Callable[[], Awaitable[None]] = _nothing
    on_fleet_start: Callable[[], Awaitable[None]] = _nothing
    sources: tuple[Any, ...] = ()
    reloader: Any = None
    director: dict[str, Any] = field(default_factory=dict)
    on_happening: Callable[[Callable[[str], object]], Awaitable[None]] = _nothing_happens


class StandInExporter:
    """An exporter that notes what is asked of it."""

    def __init__(
        self,
        stage: Stage,
        settings: Settings,
        *,
        sources: Sequence[Any] = (),
        reloader: Any = None,
    ) -> None:
        self._stage = stage
        stage.reloader = reloader
        stage.settings = settings
        stage.sources = tuple(sources)

    @property
    def addresses(self) -> tuple[str, ...]:
        return self._stage.addresses

    async def start(self) -> None:
        self._stage.calls.append("start")
        await self._stage.on_start()

    async def collect_once(self) -> None:
        self._stage.calls.append("collect_once")
        await self._stage.on_start()

    def render(self) -> bytes:
        return PAGE

    def summary(self) -> Summary:
        return self._stage.summary

    async def stop(self) -> None:
        self._stage.calls.append("stop")


@dataclass(frozen=True)
class StandInHost:
    root: Path


class StandInFleet:
    """A fleet that runs no agents."""

    def __init__(self, stage: Stage, directory: Path, **arguments: Any) -> None:
        self._stage = stage
        stage.folder = directory
        stage.fleet = arguments
        self.host = StandInHost(directory)

    async def start(self) -> None:
        self._stage.calls.append("fleet.start")
        await self._stage.on_fleet_start()

    def write_config(self, path: Path, *, interval: str) -> None:
        path.write_text(f"collection: {{interval: {interval}}}\n")

    async def stop(self) -> None:
        self._stage.calls.append("fleet.stop")


class StandInDirector:
    """A director that lets happen what the stage says."""

    def __init__(
        self,
        stage: Stage,
        fleet: StandInFleet,
        scenario: Scenario,
        *,
        tell: Callable[[str], object],
        **arguments: Any,
    ) -> None:
        self._stage = stage
        self._tell = tell
        stage.director = {"fleet": fleet, "scenario": scenario, **arguments}

    async def run(self) -> None:
        await self._stage.on_happening(self._tell)


def put_on(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Put the stand-ins where commands import from."""
    stage = Stage()

    def configure_logging(level: str, fmt: str) -> None:
        stage.log = (level, fmt)

    stand_ins: dict[str, dict[str, object]] = {
        "kata_exporter.app": {"Exporter": partial(StandInExporter, stage)},
        "kata_exporter.telemetry.logs": {"configure_logging": configure_logging, "fields": fields},
    }
    for name, stand_in in {
        "Exporter": partial(StandInExporter, stage),
        "Fleet": partial(StandInFleet, stage),
        "Director": partial(StandInDirector, stage),
        "configure_logging": configure_logging,
    }.items():
        monkeypatch.setattr(simulation, name, stand_in)
    for name, contents in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    for name in [name for name in os.environ if name.startswith("KATA_EXPORTER_")]:
        monkeypatch.delenv(name)
    return stage
