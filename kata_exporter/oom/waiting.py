"""Waiting for OOM events of agents: one wait per sandbox, where its rules allow it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from kata_exporter.agent.errors import AgentError
from kata_exporter.clock import Clock
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import OomSeen, Sandbox
from kata_exporter.oom.outcome import OomSource

logger = logging.getLogger(__name__)

MIN_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0
ASK_AGAIN_SECONDS = 600.0
"""A wait that policy denies, or that the agent doesn't have, is tried again this often."""
SURE_AFTER_SECONDS = 1.0
"""A wait that has lasted as long without an error is one that the agent took."""
EVENT_GAP_SECONDS = 0.01
"""After an event: so a guest that has one after the other has no more than a hundred a second."""

_STATES = frozenset({Reason.POLICY_BLOCKED, Reason.UNSUPPORTED})
_NS = 1_000_000_000


class Waiter(Protocol):
    """Waits for one agent's events: `agent.OomWaiter`."""

    async def wait(self, *, deadline: float | None = None) -> str | None:
        """Return a container's id; None once there are no more."""

    async def aclose(self) -> None:
        """Close the connection."""


Tell = Callable[[OomSeen], object]
Connect = Callable[[Sandbox], Waiter]


class Waiting:
    """The waits of all sandboxes.

    Args:
        connect: makes a waiter with a connection of its own; raises `AddressError`.
        clock: for deadlines and pauses.
        poll_timeout_seconds: how long one wait lasts, which the guest is told.
        tell: takes the events.
        on_change: is told the id of a sandbox whose wait begins to work, or no longer does.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        clock: Clock,
        poll_timeout_seconds: float,
        tell: Tell,
        on_change: Callable[[str], None],
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._poll_timeout_seconds = poll_timeout_seconds
        self._tell = tell
        self._on_change = on_change
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, Sandbox] = {}
        self._closing: dict[asyncio.Task[None], str] = {}
        self._working: set[str] = set()

    def works(self, sandbox_id: str) -> bool:
        """Whether the events of a sandbox come here."""
        return sandbox_id in self._working

    def start(self, sandbox: Sandbox) -> None:
        """Wait for a sandbox's events, unless that is done already; anew at another address.

        One whose address isn't known isn't waited on.
        """
        before = self._asked.get(sandbox.id)
        if before is not None and _is_reached_alike(before, sandbox):
            return
        self.stop(sandbox.id)
        if not sandbox.agent_url:
            return
        # A second wait on one agent can stop it, so the one before is over first.
        over = [task for task, id_ in self._closing.items() if id_ == sandbox.id]
        self._asked[sandbox.id] = sandbox
        self._tasks[sandbox.id] = asyncio.get_running_loop().create_task(
            self._run(sandbox, over), name=f"oom {sandbox.id}"
        )

    def stop(self, sandbox_id: str) -> None:
        """Wait no longer; the connection is closed in the background."""
        self._asked.pop(sandbox_id, None)
        task = self._tasks.pop(sandbox_id, None)
        if task is not None:
            task.cancel()
            self._closing[task] = sandbox_id
            task.add_done_callback(self._closing.pop)
            self._set(sandbox_id, works=False)

    async def aclose(self) -> None:
        """Stop all waits; returns when every connection is closed."""
        for sandbox_id in list(self._tasks):
            self.stop(sandbox_id)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _run(self, sandbox: Sandbox, over: list[asyncio.Task[None]]) -> None:
        if over:
            await asyncio.wait(over)
        try:
            waiter = self._connect(sandbox)
        except AddressError:
            return  # its rounds tell of that
        try:
            await self._wait_on(sandbox, waiter)
        finally:
            await waiter.aclose()

    async def _wait_on(self, sandbox: Sandbox, waiter: Waiter) -> None:
        pause = MIN_BACKOFF_SECONDS
        while True:
            began = self._clock.monotonic()
            try:
                container_id = await self._wait_once(sandbox, waiter, began)
            except AgentError as error:
                if self._lasted(error, began):
                    self._set(sandbox.id, works=True)
                    pause = MIN_BACKOFF_SECONDS
                    continue
                self._set(sandbox.id, works=False)
                if error.reason in _STATES:
                    await self._clock.sleep(ASK_AGAIN_SECONDS)
                else:
                    await self._clock.sleep(pause)
                    pause = min(2 * pause, MAX_BACKOFF_SECONDS)
                continue
            if container_id is None:
                self._set(sandbox.id, works=False)
                return
            self._set(sandbox.id, works=True)
            pause = MIN_BACKOFF_SECONDS
            at_ns = int(self._clock.time() * _NS)
            self._tell(OomSeen(OomSource.AGENT, container_id, sandbox.id, at_ns))
            await self._clock.sleep(EVENT_GAP_SECONDS)

    async def _wait_once(self, sandbox: Sandbox, waiter: Waiter, began: float) -> str | None:
        sure = self._clock.call_at(
            began + SURE_AFTER_SECONDS, lambda: self._set(sandbox.id, works=True)
        )
        try:
            return await waiter.wait(deadline=began + self._poll_timeout_seconds)
        finally:
            # Not while it is backed off from: then nobody sees what happens.
            sure.cancel()

    def _lasted(self, error: AgentError, began: float) -> bool:
        """Whether a wait came to its own end: nothing happened, and it is to be made again at once."""
        lasted = self._clock.monotonic() - began
        was_made = error.reason is Reason.TIMEOUT and not error.unreached
        return was_made and lasted >= self._poll_timeout_seconds * 0.9

    def _set(self, sandbox_id: str, *, works: bool) -> None:
        if works == (sandbox_id in self._working):
            return
        if works:
            self._working.add(sandbox_id)
        else:
            self._working.discard(sandbox_id)
        self._on_change(sandbox_id)


def _is_reached_alike(one: Sandbox, other: Sandbox) -> bool:
    return (one.generation, one.agent_url, one.announced) == (
        other.generation,
        other.agent_url,
        other.announced,
    )
