"""One round of one sandbox: ask its agent everything, within one deadline."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.observer import Observer
from kata_exporter.clock import Clock
from kata_exporter.collectors import container_stats, guest_metrics
from kata_exporter.collectors.container_stats import ContainerStatsCollector
from kata_exporter.collectors.execute import Collected, execute
from kata_exporter.collectors.guest_metrics import OnRejected, OnResets, collect_guest_metrics
from kata_exporter.collectors.link import AgentLink
from kata_exporter.collectors.pace import Pace
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.model import Sandbox
from kata_exporter.snapshot import CollectorResult, Round, sandbox_identity

COLLECTORS = (guest_metrics.NAME, container_stats.NAME)
"""Every collector, in the order of their results."""

BEGIN = "begin"
VERSION = "version"
CHECK = "check"

BAD_VERSION = "bad_version"
"""Reason of ``kata_exporter_rejected_total`` for a version that isn't one."""

_Work = Callable[[float], Awaitable[Collected]]

_VERSION_TEXT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """What holds for every sandbox's rounds; collectors that aren't among ``collectors`` are off."""

    clock: Clock
    interval_seconds: float
    timeout_seconds: float
    layouts: LayoutCache
    on_rejected: OnRejected
    on_resets: OnResets
    collectors: frozenset[str] = frozenset(COLLECTORS)


class SandboxRounds:
    """The rounds of one generation of a sandbox.

    Args:
        sandbox: whom to ask.
        connect: makes an observer for it; raises `AddressError`.
        settings: as `RoundSettings`.
    """

    def __init__(
        self, sandbox: Sandbox, connect: Callable[[Sandbox], Observer], settings: RoundSettings
    ) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._link = AgentLink(
            lambda: connect(self._sandbox),
            clock=settings.clock,
            interval_seconds=settings.interval_seconds,
        )
        self._containers = ContainerStatsCollector(
            self._link,
            clock=settings.clock,
            on_rejected=settings.on_rejected,
            on_resets=settings.on_resets,
        )
        self._pace = Pace()
        self._version: str | None = None
        self._reader: GuestReader | None = None

    def suit(self, sandbox: Sandbox) -> bool:
        """Whether `sandbox` has the address, or the refusal of one, and the labels of these rounds."""
        ours = self._sandbox
        return (ours.agent_url, ours.refusal, sandbox_identity(ours)) == (
            sandbox.agent_url,
            sandbox.refusal,
            sandbox_identity(sandbox),
        )

    def update(self, sandbox: Sandbox) -> None:
        """Ask for these containers from the next round on."""
        self._sandbox = sandbox

    def configure(self, settings: RoundSettings) -> None:
        """Let these hold from the next round on."""
        self._settings = settings
        self._link.configure(interval_seconds=settings.interval_seconds)

    @property
    def slow(self) -> bool:
        """Whether the next round is to wait with those of other slow sandboxes."""
        return self._pace.is_slow(timeout_seconds=self._settings.timeout_seconds)

    @property
    def backing_off(self) -> bool:
        """Whether the agent is to be left alone for now."""
        return self._link.backing_off

    @property
    def attempt(self) -> int:
        """One more than the rounds without an answer that came just before."""
        return self._link.attempt

    async def run(self) -> Round:
        """Ask."""
        clock = self._settings.clock
        started = clock.monotonic()
        results, check = await self._results(started + self._settings.timeout_seconds)
        await self._link.end()
        collected = Round(
            results,
            self._version or "",
            ended_monotonic=clock.monotonic(),
            ended_time=clock.time(),
            duration_seconds=clock.monotonic() - started,
            check=check,
        )
        self._pace.took(collected.duration_seconds)
        if collected.answered:
            self._link.succeeded()
        else:
            self._link.failed()
        return collected

    async def aclose(self) -> None:
        """Close the connection."""
        await self._link.aclose()

    def _works(self) -> dict[str, _Work]:
        """Return the collectors that are on, and have something to ask."""
        works: dict[str, _Work] = {guest_metrics.NAME: self._guest_metrics}
        if self._containers.to_ask(self._sandbox):
            works[container_stats.NAME] = self._container_stats
        return {name: work for name, work in works.items() if name in self._settings.collectors}

    async def _results(
        self, deadline: float
    ) -> tuple[dict[str, CollectorResult], CollectorResult | None]:
        """Return the results by collector; where none is to ask, whether the agent lives."""
        clock = self._settings.clock
        works = self._works()
        first = await execute(BEGIN, partial(self._begin, deadline), clock)
        if not first.answered:
            # Nothing else would fare better.
            return dict.fromkeys(works, first), None if works else first
        done = await asyncio.gather(
            *(execute(name, partial(work, deadline), clock) for name, work in works.items())
        )
        results = dict(zip(works, done, strict=True))
        if not all(result.remembered for result in done):
            return results, None
        # Nothing was asked: ask what no policy forbids, to know that it lives.
        check = await execute(CHECK, partial(self._check, deadline), clock)
        if works and not check.answered:
            return dict.fromkeys(works, check), None
        return results, check

    async def _begin(self, deadline: float) -> Collected:
        await self._link.begin()
        if self._version is None:
            await self._ask_version(deadline)
        return Collected(())

    async def _ask_version(self, deadline: float) -> None:
        """Learn the version, once per generation: which schema and which repairs hold."""
        version = ""
        try:
            answer = await self._link.ask(
                VERSION, lambda observer: observer.version(deadline=deadline)
            )
        except AgentError as error:
            # An agent that answers, but won't say its version, is read as the newest.
            if not error.from_agent:
                raise
        else:
            version = answer.agent_version
            if not _VERSION_TEXT.fullmatch(version):
                self._settings.on_rejected(BAD_VERSION, 1)
                version = ""
        identity = sandbox_identity(self._sandbox)
        self._reader = GuestReader(identity, schema_for(version), layouts=self._settings.layouts)
        self._version = version

    async def _guest_metrics(self, deadline: float) -> Collected:
        assert self._reader is not None  # noqa: S101  made with the version, before any collector
        return await collect_guest_metrics(
            self._link,
            self._reader,
            clock=self._settings.clock,
            deadline=deadline,
            on_rejected=self._settings.on_rejected,
            on_resets=self._settings.on_resets,
        )

    async def _container_stats(self, deadline: float) -> Collected:
        return await self._containers.collect(self._sandbox, self._version or "", deadline=deadline)

    async def _check(self, deadline: float) -> Collected:
        await self._link.ask_always(lambda observer: observer.check(deadline=deadline))
        return Collected(())
