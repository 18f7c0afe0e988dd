"""The source that finds sandboxes by the sockets of their shims, in the directories of both runtimes."""

import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import PurePath

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.discovery.directory.asking import Address, Answer, Ask, Asking
from kata_exporter.discovery.directory.claims import Claims, Shim
from kata_exporter.discovery.directory.difference import Difference
from kata_exporter.discovery.directory.metrics import DirectoryMetrics
from kata_exporter.discovery.directory.watched import WatchedDirectory
from kata_exporter.errors import Reason
from kata_exporter.model import (
    Announcement,
    Refusal,
    Runtime,
    SandboxGone,
    SandboxSeen,
    TellDiscovery,
)
from kata_exporter.telemetry.logs import LogLimiter, fields

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
RESCAN_SECONDS = 60.0
RIVALS_ASKED = 8
"""How many of those that announced the same are asked again at once; any others by the minute."""

_RUST_DIRECTORY = "kata"
"""The last part of the directory that runtime-rs uses, ``/run/kata``."""


def source_name(directory: str) -> str:
    """Return how sightings in a directory name their source."""
    return f"directory:{directory}"


class DirectorySource:
    """Tells of the sandboxes in all directories; a `Source`.

    It is one for all, so that it sees when shims of different sandboxes announce one agent URL: the
    others are asked again then, since a dead one's claim must not stand.

    Args:
        directories: their paths; they may come, go and be replaced at any time.
        ask: asks a shim for its agent's address.
        clock: for every wait but the kernel's events.
        metrics: of how directories are watched, and of what shims said.
        limiter: of log lines.
    """

    def __init__(
        self,
        directories: Iterable[str],
        ask: Ask,
        clock: Clock,
        *,
        metrics: DirectoryMetrics,
        limiter: LogLimiter,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._tell: TellDiscovery | None = None
        self._asking = Asking(ask, clock, self._on_answer)
        self._claims = Claims()
        self._shims: dict[tuple[str, str], Shim] = {}
        self._timer: TimerHandle | None = None
        self._rescan_at = 0.0
        self._watched = tuple(
            WatchedDirectory(
                directory,
                clock=clock,
                metrics=metrics,
                limiter=limiter,
                on_difference=self._on_difference,
            )
            for directory in dict.fromkeys(directories)
        )

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of what is there, before this returns, and then of what changes.

        A sandbox is told first without an address, and then with what its shim says.
        """
        self._tell = tell
        for watched in self._watched:
            watched.start()
        self._rescan_at = self._clock.monotonic() + RESCAN_SECONDS
        self._arm()

    async def aclose(self) -> None:
        """Tell of nothing more; returns when no task, watch or descriptor is left."""
        self._tell = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for watched in self._watched:
            watched.close()
        await self._asking.aclose()

    @property
    def any_present(self) -> bool:
        """Whether any of the directories is there."""
        return any(watched.is_present for watched in self._watched)

    @property
    def how(self) -> str:
        """How each directory is watched, for the log."""
        return ", ".join(f"{watched.path} ({watched.how})" for watched in self._watched)

    def _arm(self) -> None:
        self._timer = self._clock.call_at(self._clock.monotonic() + BEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        self._arm()
        for watched in self._watched:
            watched.beat()
        if self._clock.monotonic() >= self._rescan_at:
            self._rescan_at = self._clock.monotonic() + RESCAN_SECONDS
            self._rescan()

    def _rescan(self) -> None:
        for watched in self._watched:
            watched.rescan()
        for shim in self._claims.contested():
            self._asking.begin(shim)

    def _on_difference(self, directory: str, change: Difference) -> None:
        for sandbox_id in change.gone:
            self._lose(directory, sandbox_id)
            _log("a sandbox has gone", directory, sandbox_id)
            self._say(SandboxGone(source_name(directory), sandbox_id))
        for sandbox_id in change.new:
            self._lose(directory, sandbox_id)
            found = change.found[sandbox_id]
            shim = Shim(directory, sandbox_id, found.birth)
            _log("a sandbox was found", directory, sandbox_id)
            # Without an address first, so that it inherits none.
            self._say(_sighting(shim, refusal=found.refusal))
            if found.refusal is None:
                self._shims[directory, sandbox_id] = shim
                self._asking.begin(shim)

    def _lose(self, directory: str, sandbox_id: str) -> None:
        shim = self._shims.pop((directory, sandbox_id), None)
        if shim is not None:
            self._asking.end(shim)
            self._claims.withdraw(shim)

    def _on_answer(self, shim: Shim, answer: Answer) -> None:
        match answer:
            case Address(url, announcement):
                self._metrics.count_shim_request(Reason.OK)
                _log("a shim told its agent's address", shim.directory, shim.sandbox_id, url)
                rivals = self._claims.make(shim, url)
                self._say(_sighting(shim, url=url, announced=announcement))
                for rival in islice(rivals, RIVALS_ASKED):
                    self._asking.begin(rival)
            case Refusal():
                self._metrics.count_shim_request(Reason(answer.reason))
                self._claims.withdraw(shim)
                self._say(_sighting(shim, refusal=answer))

    def _say(self, event: SandboxSeen | SandboxGone) -> None:
        if self._tell is None:
            return
        try:
            self._tell(event)
        except Exception:
            # A fault of ours about one sandbox must not silence the others.
            logger.exception("telling of a sandbox failed", extra=fields(sandbox_id=event.id))


def _log(what: str, directory: str, sandbox_id: str, agent_url: str | None = None) -> None:
    # For debugging alone: on a busy node these are a hundred lines a second.
    if logger.isEnabledFor(logging.DEBUG):
        told = fields(sandbox_id=sandbox_id, directory=directory, agent_url=agent_url)
        logger.debug(what, extra=told)


def _sighting(
    shim: Shim,
    *,
    url: str = "",
    announced: Announcement | None = None,
    refusal: Refusal | None = None,
) -> SandboxSeen:
    is_rust = PurePath(shim.directory).name == _RUST_DIRECTORY
    return SandboxSeen(
        source=source_name(shim.directory),
        id=shim.sandbox_id,
        agent_url=url,
        birth=shim.birth,
        runtime=Runtime.RUST if is_rust else Runtime.GO,
        announced=announced,
        refusal=refusal,
    )
