"""Collection: every sandbox that the registry knows is asked, again and again, until it goes."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from kata_exporter.agent.observer import Observer
from kata_exporter.collectors.rounds import RoundSettings, SandboxRounds
from kata_exporter.collectors.scheduler import Scheduler
from kata_exporter.model import Sandbox
from kata_exporter.snapshot import Round, Store
from kata_exporter.telemetry.hooks import RoundGuard, RoundHook, RoundInfo, RoundOutcome

Connect = Callable[[Sandbox], Observer]
OnRound = Callable[[Sandbox, Round], None]


class Collection:
    """Asks the registry's sandboxes; a `registry.Listener`.

    Args:
        store: takes the rounds.
        scheduler: says when.
        connect: makes an observer for a sandbox; raises `AddressError`.
        settings: what holds for every round.
        on_round: is told of each round that the store took.
        hook: watches each round.
    """

    def __init__(
        self,
        *,
        store: Store,
        scheduler: Scheduler,
        connect: Connect,
        settings: RoundSettings,
        on_round: OnRound,
        hook: RoundHook | None = None,
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._connect = connect
        self._settings = settings
        self._on_round = on_round
        self._guard = RoundGuard(hook)
        self._rounds: dict[str, SandboxRounds] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._unasked: set[str] = set()
        self._asked = asyncio.Event()

    async def first_round(self) -> None:
        """Return when every sandbox that is there now was asked once, or has gone."""
        there = frozenset(self._unasked)
        while not there.isdisjoint(self._unasked):
            self._asked.clear()
            await self._asked.wait()

    def configure(
        self,
        *,
        interval_seconds: float,
        timeout_seconds: float,
        concurrency: int,
        collectors: frozenset[str],
    ) -> None:
        """Let these hold from each sandbox's next round on; nobody is asked anew for that."""
        self._settings = replace(
            self._settings,
            interval_seconds=interval_seconds,
            timeout_seconds=timeout_seconds,
            collectors=collectors,
        )
        for rounds in self._rounds.values():
            rounds.configure(self._settings)
        self._scheduler.configure(interval_seconds=interval_seconds, concurrency=concurrency)

    def started(self, sandbox: Sandbox) -> None:
        """Ask it from now on, or from when its address is known, or known to be refused."""
        self._unasked.add(sandbox.id)
        self._ask(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Ask for its containers as they are now; at once, where its address or name is news."""
        rounds = self._rounds.get(sandbox.id)
        if rounds is not None and rounds.suit(sandbox):
            rounds.update(sandbox)
        else:
            self._leave(sandbox)
            self._ask(sandbox)

    def stopped(self, sandbox: Sandbox) -> None:
        """Ask it no longer; its connection is closed in the background."""
        self._leave(sandbox)
        self._was_asked(sandbox)

    def ask_soon(self, sandbox_id: str) -> None:
        """Ask a sandbox now, whatever its phase; one that backs off, or is being asked, isn't."""
        self._scheduler.hasten(sandbox_id)

    async def aclose(self) -> None:
        """Stop asking, and return when every connection is closed."""
        await self._scheduler.aclose()
        for rounds in self._rounds.values():
            await rounds.aclose()
        self._rounds.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _ask(self, sandbox: Sandbox) -> None:
        if not sandbox.agent_url and sandbox.refusal is None:
            return  # nobody has told its address yet
        rounds = SandboxRounds(sandbox, self._connect, self._settings)
        self._rounds[sandbox.id] = rounds
        self._scheduler.add(sandbox.id, lambda: self._run(sandbox, rounds))

    def _leave(self, sandbox: Sandbox) -> None:
        rounds = self._rounds.pop(sandbox.id, None)
        if rounds is None:
            return
        running = self._scheduler.remove(sandbox.id)
        task = asyncio.get_running_loop().create_task(_end(running, rounds))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _run(self, sandbox: Sandbox, rounds: SandboxRounds) -> bool:
        if not rounds.backing_off:
            with self._guard.watched(self._round_info(sandbox, rounds)) as watch:
                collected = await rounds.run()
                watch.ended(RoundOutcome(collected.reason, collected.detail))
                if self._store.record(sandbox, collected):
                    self._on_round(sandbox, collected)
            self._was_asked(sandbox)
        return rounds.slow

    def _round_info(self, sandbox: Sandbox, rounds: SandboxRounds) -> RoundInfo:
        return RoundInfo(
            sandbox.id,
            sandbox.pod.namespace,
            sandbox.pod.name,
            attempt=rounds.attempt,
            waited_seconds=self._scheduler.waited_seconds(sandbox.id),
        )

    def _was_asked(self, sandbox: Sandbox) -> None:
        self._unasked.discard(sandbox.id)
        self._asked.set()


async def _end(running: asyncio.Task[None] | None, rounds: SandboxRounds) -> None:
    if running is not None:
        await asyncio.wait([running])
    await rounds.aclose()
