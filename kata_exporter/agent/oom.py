"""Waiting for OOM events: a capability apart from the observer, since each event has one taker.

A shim is nearly always waiting for the same events, to tell the container runtime; what we take,
Kubernetes never hears of. Only a sandbox without a shim, or whose rules say that we are the only
consumer, may be given a waiter.
"""

from kata_exporter.agent.client import KataAgent


class OomWaiter:
    """Waits for the OOM events of one sandbox, one wait at a time."""

    def __init__(self, agent: KataAgent) -> None:
        self._agent = agent
        self._waiting = False

    async def wait(self) -> str:
        """Return the id of the container of the next OOM event.

        Cancelling closes the wait's own connection, so that the guest keeps the event for others.
        Between waits it may stay open, and the guest waits for nothing on it.

        Raises:
            AgentError: as the reason says.
            RuntimeError: a wait is under way; a second one deadlocks agents before 3.32.0.
        """
        if self._waiting:
            raise RuntimeError("one wait for OOM events at a time")
        self._waiting = True
        try:
            return await self._agent.get_oom_event()
        finally:
            self._waiting = False
