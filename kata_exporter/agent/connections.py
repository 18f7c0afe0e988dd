"""The connections of one client: when one is made, shared, given up, and made again.

Rules that this file keeps:
1. Nothing connects before a call. Calls share one connection; one that waits for something to
   happen in the guest has its own, whose closing tells the guest that nobody waits any more. One
   whose wait was answered serves the next wait.
2. A failed dial makes the client dead for good, as Kata's own is: who holds it decides when to try
   again, with a new one. A call that gives up on a dial fails no dial; nor does the dial of a call
   that waits speak against a connection that lives.
3. A lost connection stays lost until `disconnect`, after which the next call makes a new one.
4. Where connections aren't kept, each call has one of its own, so that no call ends another's.
5. A URL that can't be read is no failed dial: once it is right, the next call connects.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kata_exporter.clock import Clock
from kata_exporter.errors import UrlError
from kata_exporter.ttrpc import (
    DIAL_SECONDS,
    Client,
    ConnectError,
    ConnectionClosed,
    Dial,
)

DialUrl = Callable[[str], Dial]
"""Returns the dial of an agent's URL; raises `UrlError` for a text that is none."""


MAX_IDLE_WAITS = 2
"""Connections of waits that are kept for the next: those of a process's output, its two streams."""


class DeadError(Exception):
    """The client was given up: by a failed dial, or by who holds it."""


class Connections:
    """Lends connections to calls.

    Args:
        dial_url: how an agent's URL is dialled.
        url: the agent's; read when a connection is made.
        clock: for deadlines.
        on_protocol_event: is told of late answers and broken rules, by the names of closed sets.
    """

    def __init__(
        self,
        dial_url: DialUrl,
        url: str,
        *,
        clock: Clock,
        on_protocol_event: Callable[[str], None] | None = None,
    ) -> None:
        self._dial_url = dial_url
        self._clock = clock
        self._on_protocol_event = on_protocol_event
        self._shared: Client | None = None
        self._lent: set[Client] = set()
        self._idle: list[Client] = []
        self._keep = True
        self._given_up = False
        self._closed = False
        self.url = url
        self.dial_seconds = DIAL_SECONDS
        """How long connecting may take, whatever the call's deadline."""

    @property
    def keep(self) -> bool:
        """Whether calls share a connection that lasts; else each has its own.

        The connections that lasted are closed with the change, one in use when it is no longer.
        """
        return self._keep

    @keep.setter
    def keep(self, keep: bool) -> None:
        self._keep = keep
        if not keep:
            for client in self._idle:
                client.abort()
            self._idle.clear()
            self._retire_shared()

    @property
    def dead(self) -> bool:
        """Whether the client was given up."""
        return self._given_up or (self._shared is not None and self._shared.dial_failed)

    @property
    def connecting(self) -> bool:
        """Whether the shared connection is being made."""
        return self._shared is not None and self._shared.connecting

    @property
    def alive(self) -> bool:
        """Whether a call may succeed as things are: not dead, not closed, no connection lost."""
        if self._closed or self.dead:
            return False
        return not self._keep or self._shared is None or self._shared.alive

    def give_up(self) -> None:
        """Refuse every call from here on."""
        self._given_up = True

    @asynccontextmanager
    async def lend(self, *, alone: bool) -> AsyncIterator[Client]:
        """Lend the shared connection, or with `alone` one for this call.

        Raises:
            DeadError: there will be none any more.
            ConnectError: the URL can't be read.
            ConnectionClosed: after `aclose`.
        """
        if self._closed:
            raise ConnectionClosed("client closed")
        if self.dead:
            raise DeadError
        if self._keep and not alone:
            if self._shared is None:
                self._shared = self._new_client()
            try:
                yield self._shared
            finally:
                self._retire_shared()
            return
        client = self._idle_client() or self._new_client()
        self._lent.add(client)
        try:
            yield client
            self._give_back(client)
        finally:
            if client.dial_failed and not self._proven:
                self.give_up()
            self._lent.discard(client)
            if client not in self._idle:
                await client.aclose()

    def _idle_client(self) -> Client | None:
        """Return a connection of an earlier wait, if one still lives."""
        while self._idle:
            client = self._idle.pop()
            if client.alive:
                return client
        return None

    def _give_back(self, client: Client) -> None:
        """Keep a connection whose wait was answered: the guest waits for nothing on it."""
        if self._keep and client.alive and len(self._idle) < MAX_IDLE_WAITS:
            self._idle.append(client)

    def _retire_shared(self) -> None:
        """Close the shared connection if it is to be kept no longer and no call uses it."""
        if not self._keep and self._shared is not None and not self._shared.busy:
            self._shared.abort()
            self._shared = None

    @property
    def _proven(self) -> bool:
        """Whether a shared connection shows that the agent can be reached."""
        return self._shared is not None and self._shared.connected and self._shared.alive

    async def take_over(self, other: "Connections") -> None:
        """Share another's connection from here on, if it has one that can be used.

        A client that was given up stays so, and takes nothing.

        Raises:
            ConnectionClosed: after `aclose`.
        """
        if self._closed:
            raise ConnectionClosed("client closed")
        self._given_up = self.dead
        if other is self or self._given_up:
            return
        theirs = None if other.dead else other._shared  # noqa: SLF001  one of us
        mine, self._shared = self._shared, theirs
        if mine is not None and mine is not self._shared:
            await mine.aclose()

    async def disconnect(self) -> None:
        """Close every connection; calls under way end as closed, the next one connects anew.

        All are closed before this waits for anything: cancelling it leaves none open.
        """
        self._given_up = self.dead
        clients = [*self._lent, *self._idle]
        self._idle.clear()
        if self._shared is not None:
            clients.append(self._shared)
            self._shared = None
        for client in clients:
            client.abort()
        for client in clients:
            await client.aclose()

    async def aclose(self) -> None:
        """Close for good."""
        self._closed = True
        await self.disconnect()

    def _new_client(self) -> Client:
        try:
            dial = self._dial_url(self.url)
        except UrlError as error:
            raise ConnectError(str(error)) from error
        return Client(
            dial,
            clock=self._clock,
            on_event=self._on_protocol_event,
            dial_seconds=self.dial_seconds,
        )
