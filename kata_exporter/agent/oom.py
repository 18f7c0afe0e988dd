"""Waiting for OOM events: a capability apart from the observer, since each event has one taker.

A shim is nearly always waiting for the same events, to tell the container runtime; what we take,
Kubernetes never hears of. Only a sandbox without a shim, or whose rules say that we are the only
consumer, may be given a waiter.
"""

from collections.abc import Callable

from kata_exporter.agent.client import KataAgent
from kata_exporter.agent.connections import DialUrl
from kata_exporter.agent.errors import AgentError
from kata_exporter.clock import Clock
from kata_exporter.telemetry.hooks import CallHook, CallTarget
from kata_exporter.ttrpc import Code, StatusError

_NO_WORDS = frozenset({"", '""'})
"""What the agent says where there are no more events; since 3.3 it quotes its texts."""


def wait_for_oom(
    dial_url: DialUrl,
    url: str,
    *,
    target: CallTarget,
    clock: Clock,
    hook: CallHook | None = None,
    on_protocol_event: Callable[[str], None] | None = None,
) -> "OomWaiter":
    """Return a waiter with a client of its own, which nobody else can reach.

    It connects when it first waits. Arguments are those of `KataAgent`.
    """
    return OomWaiter(
        KataAgent(
            dial_url,
            url,
            target=target,
            clock=clock,
            hook=hook,
            on_protocol_event=on_protocol_event,
        )
    )


class OomWaiter:
    """Waits for the OOM events of one sandbox, one wait at a time."""

    def __init__(self, agent: KataAgent) -> None:
        self._agent = agent
        self._waiting = False

    async def wait(self, *, deadline: float | None = None) -> str | None:
        """Return the id of the container of the next OOM event; None once there are no more.

        The agent has no more when its sandbox is destroyed: it answers INTERNAL without a word.
        Cancelling closes the wait's own connection, so that the guest keeps the event for others.
        Between waits it may stay open, and the guest waits for nothing on it.

        Args:
            deadline: when the wait is given up, on the clock of the agent's client; the guest is told.

        Raises:
            AgentError: as the reason says; TIMEOUT at the deadline.
            RuntimeError: a wait is under way; a second one deadlocks agents before 3.32.0.
        """
        if self._waiting:
            raise RuntimeError("one wait for OOM events at a time")
        self._waiting = True
        try:
            return await self._agent.get_oom_event(deadline=deadline)
        except AgentError as error:
            status = error.__cause__
            is_bare = isinstance(status, StatusError) and status.message in _NO_WORDS
            if is_bare and error.code == Code.INTERNAL.name:
                return None
            raise
        finally:
            self._waiting = False

    async def aclose(self) -> None:
        """Close the connection; the guest keeps the next event for others."""
        await self._agent.aclose()
