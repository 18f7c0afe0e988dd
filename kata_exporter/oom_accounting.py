"""The accounting of OOMs: its ledger, the sources that it hears, and who is told.

A part of the composition root, beside `app`: what it waits on, asks and writes is made here, as
configured.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from kata_exporter.clock import Clock
from kata_exporter.config.settings import Settings, StaticSandbox
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.model import (
    AS_FOR_ALL,
    ContainerExited,
    ContainerFinished,
    EventsMissed,
    MemoryReading,
    OomKind,
    OomRecord,
    OomRules,
    OomSeen,
    OwnOomRules,
    RuntimeEvent,
    Sandbox,
)
from kata_exporter.oom import Ledger, OomCounts, OomSource, Outcome
from kata_exporter.oom.crio import CrioWatch
from kata_exporter.oom.evidence import VmmEvidence
from kata_exporter.oom.journal import Journal, OomFilter
from kata_exporter.oom.ledger import AccountView
from kata_exporter.oom.rules import AUTO, Chosen, choose, has_shim
from kata_exporter.oom.state_file import SAVE_INTERVAL_SECONDS, StateFile, load
from kata_exporter.oom.waiting import Connect, Waiting
from kata_exporter.telemetry.hooks import OomHook
from kata_exporter.telemetry.logs import LogLimiter, fields
from kata_exporter.telemetry.selfmetrics import SelfMetrics

logger = logging.getLogger(__name__)

KILLED_STATUS = 128 + 9
"""What a container exits with whose first process was killed, as the kernel does for want of memory."""
ASK_SOON_GAP_SECONDS = 2.0
"""How often one sandbox is asked out of turn."""

_WORDS = {
    OomKind.REPORTED: "container ran out of memory",
    OomKind.INFERRED: "container ran out of memory, by the guest's count",
    OomKind.UNATTRIBUTED: "the guest killed for want of memory, and nothing says in which container",
    OomKind.VMM: "the host killed the sandbox's VMM for want of memory",
}


class Node(Protocol):
    """What the accounting asks of whoever finds sandboxes: `finding.Finding`."""

    @property
    def hears_containerd(self) -> bool:
        """Whether containerd's events are heard now."""

    @property
    def cri_answers(self) -> bool:
        """Whether CRI answered the last time."""

    def registered_oom_rules(self, sandbox_id: str) -> OwnOomRules | None:
        """Return those that a sandbox was registered with; None where it wasn't."""


class OomAccounting:
    """Hears of OOMs and accounts for them; a `registry.Listener`.

    Args:
        settings: as configured; some sandboxes have rules of their own there.
        clock: time for all of it.
        self_metrics: of how sources fare.
        node: which container runtimes are heard, and what was registered.
        connect: makes a waiter for an agent's events.
        ask_soon: has a sandbox asked out of turn.
        vmm_evidence: tells of VMMs that the host killed; nobody does unless given.
        hook: is told of each OOM; nobody unless given.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        self_metrics: SelfMetrics,
        node: Callable[[], Node],
        connect: Connect,
        ask_soon: Callable[[str], None],
        vmm_evidence: VmmEvidence | None = None,
        hook: OomHook | None = None,
    ) -> None:
        self._hook = hook
        self._settings = settings.oom
        self._guest_is_asked = settings.collectors.guest_metrics
        self._configured_rules = _own_rules(settings.sandboxes)
        self._clock = clock
        self._metrics = self_metrics.oom_metrics(OomSource, Outcome)
        self._node = node
        self._ask_soon = ask_soon
        self._lines = LogLimiter(clock, on_suppressed=self_metrics.count_suppressed_log_lines)
        self._journal = Journal()
        self._ledger = Ledger(
            clock=clock,
            guest_kills=OOM_KILLS,
            retention_seconds=settings.oom.retention_seconds,
            on_oom=self._on_oom,
            on_event=self._metrics.count_event,
            on_rejected=self_metrics.count_rejected,
            is_wanted=self._is_wanted,
        )
        self._waiting = Waiting(
            connect,
            clock=clock,
            poll_timeout_seconds=settings.oom.poll_timeout_seconds,
            tell=self.hear,
            on_change=self._wait_changed,
        )
        self._living: dict[str, Sandbox] = {}
        self._versions: dict[str, str] = {}
        self._refusals: dict[str, str] = {}
        self._counts_guest: set[str] = set()
        self._asked_at: dict[str, float] = {}
        self._crio = CrioWatch(
            settings.oom.crio_bundles, clock=clock, wanted=self._wanted_of_crio, tell=self.hear
        )
        self._vmm_evidence = vmm_evidence
        self._state_file: StateFile | None = None
        if settings.oom.state_file:
            self._state_file = StateFile(Path(settings.oom.state_file), clock, self._ledger)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Go on from the state file, and begin to look for what isn't told."""
        loop = asyncio.get_running_loop()
        if self._state_file is not None:
            path = Path(self._settings.state_file)
            await asyncio.to_thread(load, path, self._ledger, OOM_KILLS)
            self._tasks.append(loop.create_task(self._save_again_and_again(self._state_file)))
        self._tasks.append(loop.create_task(self._crio.run()))
        if self._vmm_evidence is not None:
            self._vmm_evidence.watch(self._ledger.vmm_killed)

    async def aclose(self) -> None:
        """Stop waiting and looking; the state file is written once more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()
        await self._waiting.aclose()
        if self._vmm_evidence is not None:
            await self._vmm_evidence.aclose()
        if self._state_file is not None:
            await asyncio.to_thread(self._state_file.close)

    def configure(self, settings: Settings) -> None:
        """Let other rules and another retention hold from now on."""
        self._settings = settings.oom
        self._guest_is_asked = settings.collectors.guest_metrics
        self._configured_rules = _own_rules(settings.sandboxes)
        self._ledger.configure(retention_seconds=settings.oom.retention_seconds)
        for sandbox in tuple(self._living.values()):
            self._see(sandbox)

    def started(self, sandbox: Sandbox) -> None:
        """Account for a sandbox from now on."""
        self._living[sandbox.id] = sandbox
        self._ledger.started(sandbox)
        self._see(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Take note of other containers, or another name."""
        self._living[sandbox.id] = sandbox
        self._ledger.updated(sandbox)
        self._see(sandbox)

    def stopped(self, sandbox: Sandbox) -> None:
        """Wait for it no longer; what was counted stays for a while."""
        self._living.pop(sandbox.id, None)
        self._versions.pop(sandbox.id, None)
        self._refusals.pop(sandbox.id, None)
        self._asked_at.pop(sandbox.id, None)
        self._counts_guest.discard(sandbox.id)
        self._waiting.stop(sandbox.id)
        self._ledger.stopped(sandbox)

    def hear(self, event: RuntimeEvent) -> None:
        """Take what a container runtime or an agent says that happened."""
        self._ledger.hear(event)
        if isinstance(event, EventsMissed):
            return
        if isinstance(event, ContainerExited):
            self._crio.look_soon()
        was_killed = isinstance(event, ContainerExited) and event.exit_status == KILLED_STATUS
        if isinstance(event, OomSeen) or was_killed:
            # What the kernel counted is to be read before the VM goes.
            sandbox_id = event.sandbox_id or self._ledger.sandbox_of(event.container_id)
            self._ask(sandbox_id, event.source)

    def finished(self, finished: ContainerFinished) -> None:
        """Take how a container ended."""
        self._ledger.finished(finished)
        self._crio.look_soon()

    def read(self, sandbox: Sandbox, reading: MemoryReading, agent_version: str) -> None:
        """Take what a round says."""
        if sandbox.id not in self._living:
            return
        self._versions[sandbox.id] = agent_version
        if reading.oom_kills is not None:
            self._counts_guest.add(sandbox.id)
        chosen = self._see(self._living[sandbox.id])
        if OomSource.VMSTAT in chosen.sources:
            self._ledger.read(sandbox, reading)

    def views(self) -> Iterator[AccountView]:
        """Yield what is shown of each sandbox, those that are gone included."""
        return self._ledger.views()

    def counts(self, sandbox_id: str) -> OomCounts:
        """Return what is counted of a living sandbox."""
        return self._ledger.counts(sandbox_id)

    def refusal(self, sandbox_id: str) -> str:
        """Return why a sandbox's agent isn't asked for events though that was wanted; empty otherwise."""
        return self._refusals.get(sandbox_id, "")

    def find(self, wanted: OomFilter) -> Iterator[OomRecord]:
        """Yield the last OOMs, the newest first."""
        return self._journal.find(wanted)

    def count_sources(self) -> None:
        """Bring up to date which sources are there."""
        node = self._node()
        self._metrics.set_up(
            {
                OomSource.CONTAINERD: node.hears_containerd,
                OomSource.CRI: node.cri_answers,
                OomSource.CRIO: self._crio.is_there,
                OomSource.VMSTAT: bool(self._counts_guest),
                OomSource.AGENT: any(map(self._waiting.works, self._living)),
            }
        )

    def _is_wanted(self, sandbox: Sandbox, source: str) -> bool:
        """Whether a source is among those chosen for a sandbox, which may be gone."""
        if sandbox.id not in self._living and self._rules_of(sandbox.id).sources == (AUTO,):
            return True  # whether it has a shim is known of those that are there
        return source in self._choose(sandbox).sources

    def _choose(self, sandbox: Sandbox) -> Chosen:
        return choose(sandbox, self._rules_of(sandbox.id), self._versions.get(sandbox.id))

    def _rules_of(self, sandbox_id: str) -> OomRules:
        registered = self._node().registered_oom_rules(sandbox_id) or AS_FOR_ALL
        configured = self._configured_rules.get(sandbox_id, AS_FOR_ALL)
        return configured.over(registered.over(self._settings.rules))

    def _wait_changed(self, sandbox_id: str) -> None:
        sandbox = self._living.get(sandbox_id)
        if sandbox is not None:
            self._tell_sources(sandbox, self._choose(sandbox))

    def _see(self, sandbox: Sandbox) -> Chosen:
        """Have the sources that are chosen for a sandbox, and say which of them see it now."""
        chosen = self._choose(sandbox)
        if OomSource.AGENT in chosen.sources:
            self._waiting.start(sandbox)
        else:
            self._waiting.stop(sandbox.id)
        self._note_refusal(sandbox, chosen.refusal)
        self._tell_sources(sandbox, chosen)
        return chosen

    def _tell_sources(self, sandbox: Sandbox, chosen: Chosen) -> None:
        node = self._node()
        there = {
            OomSource.CONTAINERD: node.hears_containerd,
            OomSource.CRI: node.cri_answers and OomSource.CRI in sandbox.sources,
            OomSource.CRIO: self._crio.is_there,
            OomSource.VMSTAT: self._guest_is_asked and sandbox.id in self._counts_guest,
            OomSource.AGENT: self._waiting.works(sandbox.id),
        }
        sees = frozenset(str(source) for source in chosen.sources if there[source])
        self._ledger.seen_by(sandbox.id, sees)

    def _note_refusal(self, sandbox: Sandbox, why: str) -> None:
        """Remember why the agent isn't asked, and log it once where somebody asked for that."""
        if why == self.refusal(sandbox.id):
            return
        self._refusals[sandbox.id] = why
        is_asked_for = OomSource.AGENT in self._rules_of(sandbox.id).sources
        is_final = sandbox.id in self._versions or has_shim(sandbox)
        if why and is_asked_for and is_final:
            logger.warning(
                "OOM events of the agent aren't taken",
                extra=fields(sandbox_id=sandbox.id, why=why),
            )

    def _ask(self, sandbox_id: str | None, source: str) -> None:
        now = self._clock.monotonic()
        sandbox = self._living.get(sandbox_id or "")
        if sandbox_id is None or sandbox is None or not self._is_wanted(sandbox, source):
            return
        if now - self._asked_at.get(sandbox_id, -ASK_SOON_GAP_SECONDS) < ASK_SOON_GAP_SECONDS:
            return
        self._asked_at[sandbox_id] = now
        self._ask_soon(sandbox_id)

    def _on_oom(self, record: OomRecord) -> None:
        self._journal.add(record)
        if self._hook is not None:
            self._hook.oom(record)
        passed_over = self._lines.allow((record.sandbox_id, record.container, record.kind))
        if passed_over is None:
            return
        logger.warning(
            _WORDS[record.kind],
            extra=fields(
                sandbox_id=record.sandbox_id,
                namespace=record.pod.namespace,
                pod=record.pod.name,
                container=record.container or None,
                container_id=record.container_id or None,
                source=record.source,
                kills=record.kills,
                working_set_bytes=record.working_set_bytes,
                limit_bytes=record.limit_bytes,
                lines_passed_over=passed_over or None,
            ),
        )

    def _wanted_of_crio(self) -> list[str]:
        return [
            container_id
            for sandbox in self._living.values()
            if OomSource.CRIO in self._choose(sandbox).sources
            for container_id in self._ledger.containers_of(sandbox.id)
        ]

    async def _save_again_and_again(self, state_file: StateFile) -> None:
        while True:
            await self._clock.sleep(SAVE_INTERVAL_SECONDS)
            data = state_file.due()
            if data is not None:
                await asyncio.to_thread(state_file.put, data)


def _own_rules(sandboxes: tuple[StaticSandbox, ...]) -> Mapping[str, OwnOomRules]:
    return {sandbox.id: sandbox.oom for sandbox in sandboxes}
