"""Faults of the answer: the wire is right, and what the agent says is not."""

import asyncio
from collections.abc import Callable

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.faults.base import Fault, Handle
from kata_exporter.ttrpc import Code, ServerRequest, StatusError

TERRIBLE_TEXT = ("\x1b[2J\x1b]0;owned\x07\u202egnitaefer\r\n\x00 at src/rpc.rs:1050 " * 230)[
    :10_240
]
"""10 KB as a debug build's stack trace, with what a terminal or a log could choke on."""

_HEALTH = "grpc.Health"


class NoAnswer(Fault):
    """Requests are read, and answered only once the fault is switched off; no time-out helps."""

    stops_timers = True

    def __init__(self) -> None:
        self.over = asyncio.Event()
        """Set when the fault is switched off."""

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        """Wait until the fault is switched off, or the client goes."""
        await self.over.wait()
        return await handle(request)

    def end(self) -> None:
        """Answer what waits."""
        self.over.set()


class Late(Fault):
    """Answers come just before the time-out that the request asked for.

    Args:
        clock: for waits.
        share: of that time that an answer takes.
        only: the one method whose answers do; all of them unless given.
    """

    def __init__(self, clock: Clock, *, share: float = 0.9, only: str | None = None) -> None:
        self._clock = clock
        self._share = share
        self._only = only

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        """Take most of the time that the client allows."""
        if self._only in {None, request.method}:
            await self._clock.sleep(request.timeout_ns / 1e9 * self._share)
        return await handle(request)


class Status(Fault):
    """Every call, or some, get a status instead of an answer.

    Args:
        code: any number.
        message: not escaped, not cut.
        spares: services whose calls are answered.
        only: the one method that gets it; all of them unless given.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        spares: frozenset[str] = frozenset(),
        only: str | None = None,
    ) -> None:
        self._code = code
        self._message = message
        self._spares = spares
        self._only = only

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        """Answer with the status."""
        if request.service in self._spares or self._only not in {None, request.method}:
            return await handle(request)
        raise StatusError(self._code, self._message)


def policy_denial(*, only: str | None = None) -> Fault:
    """Return an agent whose policy denies everything that a policy can deny, or one method."""
    message = "GetMetricsRequest is blocked by policy: rule says false"
    return Status(Code.PERMISSION_DENIED, message, spares=frozenset({_HEALTH}), only=only)


def policy_undefined() -> Fault:
    """Return an agent whose policy doesn't define the requests: a denial that looks like a fault."""
    message = "GetMetricsRequest: internal error policy check: unexpected eval_query result []"
    return Status(Code.INTERNAL, message, spares=frozenset({_HEALTH}))


class Payload(Fault):
    """The answers of one method carry other bytes; the others are honest.

    Args:
        method: whose.
        change: is given the honest payload.
    """

    def __init__(self, method: str, change: Callable[[bytes], bytes]) -> None:
        self._method = method
        self._change = change

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        """Change the payload."""
        payload = await handle(request)
        return self._change(payload) if request.method == self._method else payload


def metrics_text(change: Callable[[str], str]) -> Fault:
    """Return an agent that says other metrics; `change` is given the honest text."""

    def changed(payload: bytes) -> bytes:
        text = agent_pb2.Metrics.FromString(payload).metrics
        return agent_pb2.Metrics(metrics=change(text)).SerializeToString()

    return Payload("GetMetrics", changed)


def stats(change: Callable[[agent_pb2.StatsContainerResponse], None]) -> Fault:
    """Return an agent that says other container statistics; `change` edits the honest ones."""

    def changed(payload: bytes) -> bytes:
        message = agent_pb2.StatsContainerResponse.FromString(payload)
        change(message)
        return message.SerializeToString()

    return Payload("StatsContainer", changed)


def version(text: str) -> Fault:
    """Return an agent that says so of its version."""

    def changed(payload: bytes) -> bytes:
        message = health_pb2.VersionCheckResponse.FromString(payload)
        message.agent_version = text
        return message.SerializeToString()

    return Payload("Version", changed)
