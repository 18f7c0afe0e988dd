"""Directories of shims, and a directory source on them whose shims answer as a test says."""

import asyncio
import errno
import logging
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.clock import Clock
from kata_exporter.discovery.directory import DirectorySource, ResyncCause
from kata_exporter.discovery.directory.watched import GATHER_SECONDS
from kata_exporter.discovery.shim import SOCKET_NAME
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import Announcement, DiscoveryEvent, SandboxGone, SandboxSeen
from kata_exporter.registry import Registry
from kata_exporter.sockets import AgentUrl, bind_unix
from kata_exporter.telemetry.logs import LogLimiter

SELECTOR_TURNS = 3
"""Turns of an event loop within which its selector hands over what the kernel has."""


def make_socket(path: Path) -> None:
    """Leave a socket that nobody listens on."""
    bind_unix(str(path)).close()


def make_shim(directory: Path, sandbox_id: str) -> Path:
    """Make a sandbox's folder with its shim's socket, and return that."""
    folder = directory / sandbox_id
    folder.mkdir(parents=True)
    make_socket(folder / SOCKET_NAME)
    return folder / SOCKET_NAME


def remove_shim(directory: Path, sandbox_id: str) -> None:
    shutil.rmtree(directory / sandbox_id)


async def noticed(clock: FakeClock) -> None:
    """Let what was done to a watched directory be noticed."""
    await settle(SELECTOR_TURNS)
    clock.advance(GATHER_SECONDS)
    await settle()


class FakeShims:
    """Answers for the shims: an `Ask`. Each has a CID of its own unless told otherwise."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.urls: dict[str, str] = {}
        self.failing: dict[str, Exception] = {}
        self.hanging: set[str] = set()
        self.at_once = 0
        self.most_at_once = 0
        self._free = asyncio.Event()
        self._next_cid = 3

    async def __call__(self, directory: str, sandbox_id: str) -> tuple[AgentUrl, Announcement]:
        del directory
        self.asked.append(sandbox_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while sandbox_id in self.hanging:
                await self._free.wait()
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        if sandbox_id in self.failing:
            raise self.failing[sandbox_id]
        return AgentUrl.parse(self._url(sandbox_id)), Announcement()

    def fail(self, sandbox_id: str, reason: Reason = Reason.CONNECT_FAILED) -> None:
        self.failing[sandbox_id] = AddressError(f"no answer of {sandbox_id}", reason)

    def free(self) -> None:
        """Let those that hang answer."""
        self.hanging.clear()
        self._free.set()

    def _url(self, sandbox_id: str) -> str:
        if sandbox_id not in self.urls:
            self.urls[sandbox_id] = f"vsock://{self._next_cid}:1024"
            self._next_cid += 1
        return self.urls[sandbox_id]


class NotedMetrics:
    """`DirectoryMetrics` that a test reads."""

    def __init__(self) -> None:
        self.present: dict[str, bool] = {}
        self.inotify: dict[str, bool] = {}
        self.resyncs: Counter[ResyncCause] = Counter()
        self.requests: Counter[Reason] = Counter()

    def set_present(self, directory: str, *, present: bool) -> None:
        self.present[directory] = present

    def set_inotify(self, directory: str, *, inotify: bool) -> None:
        self.inotify[directory] = inotify

    def count_resync(self, cause: ResyncCause) -> None:
        self.resyncs[cause] += 1

    def count_shim_request(self, result: Reason) -> None:
        self.requests[result] += 1

    def forget(self, directory: str) -> None:
        self.present.pop(directory, None)
        self.inotify.pop(directory, None)


class Watching:
    """A directory source, what it has told, and what a registry makes of it."""

    def __init__(self, source: DirectorySource, shims: FakeShims, metrics: NotedMetrics) -> None:
        self.source = source
        self.shims = shims
        self.metrics = metrics
        self.told: list[DiscoveryEvent] = []
        self.registry = Registry([])
        self.faulty: set[str] = set()
        """Ids whose events a fault meets."""
        self.faults: list[Exception] = []
        self._seen: dict[tuple[str, str], SandboxSeen] = {}

    def tell(self, event: DiscoveryEvent) -> None:
        if event.id in self.faulty:
            raise ZeroDivisionError("a bug")
        try:
            self._take(event)
        except Exception as error:
            self.faults.append(error)
            raise

    def _take(self, event: DiscoveryEvent) -> None:
        self.told.append(event)
        self.registry.apply(event)
        match event:
            case SandboxSeen():
                self._seen[event.source, event.id] = event
            case SandboxGone():
                del self._seen[event.source, event.id]

    @property
    def ids(self) -> list[str]:
        """The ids that are seen, each as often as there are directories that have it."""
        return sorted(sandbox_id for _, sandbox_id in self._seen)

    def seen(self, sandbox_id: str) -> SandboxSeen:
        """The one sighting of a sandbox."""
        (sighting,) = [s for (_, seen_id), s in self._seen.items() if seen_id == sandbox_id]
        return sighting

    @property
    def urls(self) -> dict[str, str]:
        """What the registry has as agent URLs."""
        return {sandbox.id: sandbox.agent_url for sandbox in self.registry.sandboxes()}

    @property
    def reasons(self) -> dict[str, str]:
        """Why the registry refuses sandboxes."""
        sandboxes = self.registry.sandboxes()
        return {s.id: s.refusal.reason for s in sandboxes if s.refusal is not None}


@asynccontextmanager
async def watching(
    clock: Clock, *directories: Path, shims: FakeShims | None = None
) -> AsyncIterator[Watching]:
    """Watch directories as long as the block lasts."""
    shims = shims or FakeShims()
    metrics = NotedMetrics()
    source = DirectorySource(
        _paths(directories), shims, clock, metrics=metrics, limiter=LogLimiter(clock)
    )
    rig = Watching(source, shims, metrics)
    source.watch(rig.tell)
    try:
        yield rig
    finally:
        await source.aclose()
    assert rig.faults == []


def _paths(directories: Sequence[Path]) -> list[str]:
    return [str(directory) for directory in directories]


def take_all(take: Callable[[], None]) -> None:
    """Take what there is of descriptors, or of inotify objects, until there is no more."""
    try:
        for _ in range(100_000):
            take()
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    else:
        pytest.skip("there is no end of them")


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """How each warning begins."""
    return [r.getMessage()[:24] for r in caplog.records if r.levelno >= logging.WARNING]
