"""What every part of the client holds."""

from collections.abc import Callable
from typing import Self

from kata_exporter.agent.caller import Caller
from kata_exporter.agent.collaborators import Host
from kata_exporter.agent.connections import Connections, DialUrl
from kata_exporter.agent.redial import redialling
from kata_exporter.agent.types import AgentConfig
from kata_exporter.clock import Clock, SystemClock
from kata_exporter.telemetry.hooks import CallHook, CallTarget


class Part:
    """Base of the parts, which are joined to one client.

    Args:
        dial_url: how an agent's URL is dialled, as ``Dialer().dial_url``; raises `UrlError` for one
            that can't be read.
        url: the agent's; may be configured later.
        target: whom the calls are about, for whoever watches them; unless given, it is made of
            the URL that is connected to.
        clock: for deadlines and pauses; every ``deadline`` is a time of its ``monotonic``, which is
            that of `time` unless another clock is given.
        hook: is told of every call; one that raises fails none.
        on_protocol_event: is told of late answers and broken rules, by the names of closed sets.
        host: the VMM and the shared files, where they are the user's.
        redial: dial again after a failure until the dial's time is up, for a guest that boots.
    """

    def __init__(
        self,
        dial_url: DialUrl,
        url: str = "",
        *,
        target: CallTarget | None = None,
        clock: Clock | None = None,
        hook: CallHook | None = None,
        on_protocol_event: Callable[[str], None] | None = None,
        host: Host | None = None,
        redial: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._connections = Connections(
            redialling(dial_url, self._clock) if redial else dial_url,
            url,
            clock=self._clock,
            on_protocol_event=on_protocol_event,
        )
        self._caller = Caller(self._connections, target=target, clock=self._clock, hook=hook)
        self._configured_url = url
        self._config = AgentConfig()
        self._host = host or Host()

    @property
    def alive(self) -> bool:
        """Whether a call may succeed as things are: not dead, not closed, no connection lost."""
        return self._connections.alive

    @property
    def connecting(self) -> bool:
        """Whether the connection that calls share is being made."""
        return self._connections.connecting

    async def aclose(self) -> None:
        """Close for good; calls and waits under way end with reason ``closed``."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
