"""A reloader on a file, its looks and loads held up at will."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.config.load import Loaded, Loader
from kata_exporter.config.look import Look
from kata_exporter.config.reload import LOOK_SECONDS, Reloader
from kata_exporter.config.settings import Settings
from waiting import soon

GOOD = "log: {level: warn}\n"
BETTER = "log: {level: error}\n"
BAD = "typo: 1\n"


class GatedLoader(Loader):
    """Counts looks and loads, and holds each up while its gate is shut."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(config_file=path, environ={}, flags={})
        self.looks = self.loads = self.most = 0
        self.look_gate, self.load_gate = threading.Event(), threading.Event()
        self.open()
        self.bug: Exception | None = None
        self.look_bug: Exception | None = None
        self.on_look: Callable[[int], object] = lambda _number: None
        self._running = 0

    def open(self) -> None:
        self.look_gate.set()
        self.load_gate.set()

    def look(self) -> Look:
        self._running += 1
        self.most = max(self.most, self._running)
        try:
            look = super().look()
            self.looks += 1
            self.on_look(self.looks)
            assert self.look_gate.wait(20.0)
            if self.look_bug is not None:
                raise self.look_bug
            return look
        finally:
            self._running -= 1

    def load(self, look: Look | None = None) -> Loaded:
        self.loads += 1
        assert self.load_gate.wait(20.0)
        if self.bug is not None:
            raise self.bug
        return super().load(look)


class Stage:
    """A file, a reloader on it, and what it has told."""

    def __init__(self, path: Path, clock: FakeClock, loader: GatedLoader | None = None) -> None:
        self.path = path
        self.clock = clock
        self.loader = loader or GatedLoader(path)
        self.applied: list[Settings] = []
        self.results: list[bool] = []
        self.reloader = Reloader(self.loader, self.loader.load())
        self.loader.looks = self.loader.loads = 0

    def watch(self) -> None:
        self.reloader.watch(self._apply, clock=self.clock, on_result=self.results.append)

    async def look(self, times: int = 1) -> None:
        """Let it look so many times, and end with it."""
        for _ in range(times):
            await soon(lambda: self.clock.pending == 1)
            before = self.loader.looks
            self.clock.advance(LOOK_SECONDS)
            await soon(lambda before=before: self.loader.looks == before + 1)  # type: ignore[misc]
            await soon(lambda: self.clock.pending == 1)

    @property
    def levels(self) -> list[str]:
        return [str(settings.log.level) for settings in self.applied]

    def _apply(self, settings: Settings) -> None:
        self.applied.append(settings)


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        str(record.__dict__.get("fields", {}).get("error", record.message))
        for record in caplog.records
        if record.levelno == level and record.name == "kata_exporter.config.reload"
    ]
