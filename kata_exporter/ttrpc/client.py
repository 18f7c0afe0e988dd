"""A client that connects when it is first asked, and once.

A client whose dial failed, or whose connection has ended, stays ended: who holds it decides when to
try again, with a new one. So a caller's back-off can't be bypassed here.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from kata_exporter.ttrpc.connection import Call, CallTrace, ClientConnection, OnEvent
from kata_exporter.ttrpc.errors import (
    ConnectError,
    ConnectionClosed,
    DeadlineExceeded,
    Phase,
    TtrpcError,
    again,
)
from kata_exporter.ttrpc.timing import Clock, run_until

DIAL_SECONDS = 30.0
"""How long a dial may take unless told otherwise, whatever the call's deadline."""

_CLOSED_WHILE_CONNECTING = ConnectionClosed("closed while connecting")


Dial = Callable[[float], Awaitable[socket.socket]]
"""Connects to the peer: returns a connected stream socket, or raises. It is told the deadline on the
client's clock, and cancelled when that comes."""


class Client:
    """Calls to one peer.

    Calls made while the dial is under way wait for it, each up to its own deadline. The dial has a
    time of its own, and no call that gives up ends it: a caller in a hurry must not cost the others
    their connection. One that nobody waits for any more ends with its time, or by `abort`.

    Args:
        dial: connects to it.
        clock: for deadlines.
        on_event: is told of late and unknown answers, and of violations.
        dial_seconds: how long the dial may take, whatever the deadlines of calls.
    """

    def __init__(
        self,
        dial: Dial,
        *,
        clock: Clock,
        on_event: OnEvent | None = None,
        dial_seconds: float = DIAL_SECONDS,
    ) -> None:
        self._dial = dial
        self._dial_seconds = dial_seconds
        self._dial_failed = False
        self._clock = clock
        self._on_event = on_event or _ignore
        self._connecting: asyncio.Task[None] | None = None
        self._connection: ClientConnection | None = None
        self._ended: TtrpcError | None = None
        self._calls = 0

    @property
    def alive(self) -> bool:
        """Whether a call may still succeed: not closed, no failed dial, no lost connection."""
        return self._ended is None and (self._connection is None or self._connection.alive)

    @property
    def connected(self) -> bool:
        """Whether there is a connection, or was one."""
        return self._connection is not None

    @property
    def connecting(self) -> bool:
        """Whether the dial is under way."""
        return self._connecting is not None and not self._connecting.done()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._calls > 0

    @property
    def dial_failed(self) -> bool:
        """Whether the dial ended without a connection, other than by being closed."""
        return self._dial_failed

    async def call(
        self, call: Call, *, deadline: float | None, trace: CallTrace | None = None
    ) -> bytes:
        """Make a call, connecting first where needed, and return the answer's payload.

        A call without a deadline should have a client of its own: cancelling it closes the
        connection, which is the only way to tell the peer.

        Args:
            call: what is asked.
            deadline: on the clock, for dial and answer together; None for no end.
            trace: is told of the steps.

        Raises:
            TtrpcError: as its subclasses say.
            ValueError: metadata isn't as it should be.
        """
        self._calls += 1
        try:
            connection = await self._connected(deadline, trace)
            return await connection.call(call, deadline=deadline, trace=trace)
        except asyncio.CancelledError:
            if deadline is None:
                self.abort()
            raise
        finally:
            self._calls -= 1

    def abort(self) -> None:
        """Close for good, at once; `aclose` also waits until the socket is gone."""
        self._end(ConnectionClosed("client closed"))
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.abort()

    async def aclose(self) -> None:
        """Close for good; calls that wait end with `ConnectionClosed`."""
        self.abort()
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            await self._connection.aclose()

    async def _connected(self, deadline: float | None, trace: CallTrace | None) -> ClientConnection:
        if self._ended is not None:
            raise again(self._ended)
        if self._connection is not None:
            return self._connection
        now = self._clock.monotonic()
        if deadline is not None and deadline <= now:
            raise DeadlineExceeded(Phase.START)
        if self._connecting is None:
            until = now + self._dial_seconds
            self._connecting = asyncio.get_running_loop().create_task(self._connect(until))
        if trace is not None:
            trace.event("dial")
        connection = await self._wait_for(self._connecting, deadline)
        if trace is not None:
            trace.event("connected")
        return connection

    async def _wait_for(
        self, connecting: asyncio.Task[None], deadline: float | None
    ) -> ClientConnection:
        # By asyncio.wait, which leaves the dial alone when a call gives up on it.
        done = asyncio.wait([connecting])
        try:
            await (done if deadline is None else run_until(self._clock, deadline, done))
        except TimeoutError:
            raise DeadlineExceeded(Phase.DIAL) from None
        if self._connection is not None:
            return self._connection
        raise again(self._ended or _CLOSED_WHILE_CONNECTING)

    async def _connect(self, deadline: float) -> None:
        """Set `_connection`, or `_ended`; raises nothing."""
        try:
            await run_until(self._clock, deadline, self._open(deadline))
        except TimeoutError:
            self._fail(DeadlineExceeded(Phase.DIAL))
        except Exception as error:  # noqa: BLE001  a dial is the caller's and may raise anything
            failure = ConnectError(str(error))
            failure.__cause__ = error
            self._fail(failure)
        except asyncio.CancelledError:
            self._end(_CLOSED_WHILE_CONNECTING)
            raise

    async def _open(self, deadline: float) -> None:
        sock = await self._dial(deadline)
        # Set here, not by who awaits this: a cancelled wait must not lose an open socket.
        self._connection = await ClientConnection.open(
            sock, clock=self._clock, on_event=self._on_event
        )

    def _fail(self, error: TtrpcError) -> None:
        self._dial_failed = self._ended is None
        self._end(error)

    def _end(self, error: TtrpcError) -> None:
        if self._ended is None:
            self._ended = error


def _ignore(event: str) -> None:
    del event
