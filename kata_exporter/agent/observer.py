"""The observer: all that the exporter may ask of an agent. Nothing here changes a guest.

The list is closed. Whoever adds to it must be able to say why the call is harmless in every guest,
under every load, to every other client of the agent.
"""

from collections.abc import Callable

from kata_exporter.agent.client import KataAgent
from kata_exporter.agent.connections import DialUrl
from kata_exporter.agent.methods import (
    CHECK,
    GET_GUEST_DETAILS,
    GET_METRICS,
    STATS_CONTAINER,
    VERSION,
)
from kata_exporter.agent.types import AgentVersion, ContainerStats, GuestDetails
from kata_exporter.clock import Clock
from kata_exporter.model import Container
from kata_exporter.telemetry.hooks import CallHook, CallTarget

OBSERVED_METHODS = frozenset(
    method.full_name for method in (CHECK, VERSION, GET_METRICS, STATS_CONTAINER, GET_GUEST_DETAILS)
)
"""What may be seen on the wire of an exporter; ``GetOOMEvent`` is a capability of its own."""


class Observer:
    """Read-only calls to one sandbox's agent; each raises `AgentError` (``agent.errors``).

    Deadlines are absolute, on the clock of the agent's client.
    """

    def __init__(self, agent: KataAgent) -> None:
        self._agent = agent

    @property
    def alive(self) -> bool:
        """Whether a call may still succeed; once false, it stays so."""
        return self._agent.alive

    @property
    def connecting(self) -> bool:
        """Whether its connection is being made; no call that gives up ends that."""
        return self._agent.connecting

    async def check(self, *, deadline: float) -> None:
        """Ask whether the agent answers at all."""
        await self._agent.check(deadline=deadline)

    async def version(self, *, deadline: float) -> AgentVersion:
        """Return the agent's version."""
        return await self._agent.version(deadline=deadline)

    async def guest_metrics(self, *, deadline: float) -> str:
        """Return the guest's metrics as text, not to be trusted."""
        return await self._agent.get_agent_metrics(deadline=deadline)

    async def container_stats(self, container: Container, *, deadline: float) -> ContainerStats:
        """Return a container's cgroup statistics."""
        return await self._agent.stats_container(container, deadline=deadline)

    async def guest_details(self, *, deadline: float) -> GuestDetails:
        """Return what the agent says of itself and its guest."""
        return await self._agent.get_guest_details(deadline=deadline)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._agent.aclose()


def observe(
    dial_url: DialUrl,
    url: str,
    *,
    target: CallTarget,
    clock: Clock,
    hook: CallHook | None = None,
    on_protocol_event: Callable[[str], None] | None = None,
) -> Observer:
    """Return an observer with a client of its own, which nobody else can reach.

    It connects when it is first asked. Arguments are those of `KataAgent`.
    """
    return Observer(
        KataAgent(
            dial_url,
            url,
            target=target,
            clock=clock,
            hook=hook,
            on_protocol_event=on_protocol_event,
        )
    )
