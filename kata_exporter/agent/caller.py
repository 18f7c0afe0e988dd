"""The one way of a call: its deadline, the hook, the connection, the answer, and what went wrong."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from kata_exporter.agent.address import address_of, called_by_kata
from kata_exporter.agent.arguments import checked_deadline
from kata_exporter.agent.connections import Connections, DeadError
from kata_exporter.agent.errors import AgentError, agent_error, bad_answer, dead_agent
from kata_exporter.agent.methods import Method, TimeoutClass
from kata_exporter.clock import Clock
from kata_exporter.errors import Reason
from kata_exporter.model import Container
from kata_exporter.telemetry.hooks import (
    CallHook,
    CallInfo,
    CallOutcome,
    CallTarget,
    CallWatch,
    Hooks,
    NoHook,
)
from kata_exporter.ttrpc import METADATA_KEY, Call, DeadlineExceeded, Metadata, Phase, TtrpcError

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """What a call may take where no deadline is given, as with Kata's own client.

    ``remote_seconds`` takes the place of ``default_seconds`` while a sandbox starts on another machine.
    """

    check_seconds: float = 30.0
    create_container_seconds: float = 60.0
    default_seconds: float = 60.0
    remote_seconds: float = 300.0

    def of(self, timeout: TimeoutClass) -> float | None:
        """Return the seconds of a class; None where it waits without end."""
        match timeout:
            case TimeoutClass.CHECK:
                return self.check_seconds
            case TimeoutClass.CREATE_CONTAINER:
                return self.create_container_seconds
            case TimeoutClass.DEFAULT:
                return self.default_seconds
            case TimeoutClass.NONE:
                return None

    def for_remote(self) -> "Timeouts":
        """Return them as they are while a sandbox starts on another machine."""
        return replace(self, default_seconds=self.remote_seconds)


class Caller:
    """Makes calls to one agent.

    Args:
        connections: to it.
        target: whom the calls are about, for whoever watches them; None is who has the URL.
        clock: for deadlines.
        hook: is told of every call; one that raises fails none.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        target: CallTarget | None,
        clock: Clock,
        hook: CallHook | None = None,
    ) -> None:
        self._connections = connections
        self._target = target
        self._clock = clock
        self._hook = _guarded(hook)
        self.timeouts = Timeouts()

    async def call(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        *,
        deadline: float | None = None,
        container: Container | None = None,
        timeouts: Timeouts | None = None,
        cap_bytes: int | None = None,
    ) -> ResponseT:
        """Make a call.

        Args:
            method: what is asked.
            request: its message.
            deadline: on the clock, connecting included; None for the time-out of the method's class.
            container: that the call is about.
            timeouts: in the place of the usual ones.
            cap_bytes: of the answer, in the place of the method's.

        Raises:
            AgentError: there is no usable answer.
            ArgumentError: the deadline is no time.
        """
        deadline = checked_deadline(deadline)
        payload = request.SerializeToString()
        if deadline is None:
            seconds = (timeouts or self.timeouts).of(method.timeout)
            deadline = None if seconds is None else self._clock.monotonic() + seconds
        watch = self._hook.started(self._info(method, container))
        cap_bytes = method.cap_bytes if cap_bytes is None else cap_bytes
        call = Call(method.service, method.name, payload, cap_bytes, _metadata(watch))
        answer = self._send(call, deadline, watch, alone=method.waits)
        return await self._watched(method, answer, watch, len(payload))

    async def _send(
        self, call: Call, deadline: float | None, watch: CallWatch, *, alone: bool
    ) -> bytes:
        async with self._connections.lend(alone=alone) as client:
            return await client.call(call, deadline=deadline, trace=watch)

    def _info(self, method: Method[RequestT, ResponseT], container: Container | None) -> CallInfo:
        target = self._target or CallTarget(address_of(self._connections.url))
        if container is None:
            return CallInfo(method.full_name, target, waits=method.waits)
        ids = container.id, container.name
        return CallInfo(method.full_name, target, *ids, waits=method.waits)

    async def _watched(
        self,
        method: Method[RequestT, ResponseT],
        answer: Awaitable[bytes],
        watch: CallWatch,
        request_bytes: int,
    ) -> ResponseT:
        """Await an answer, decode it, and tell the watch how it ended, whichever way it did."""
        try:
            payload = await answer
            response = _decode(method, payload)
        except (TtrpcError, DeadError) as error:
            failure = self._failure(method, error)
            watch.ended(_failed(failure, request_bytes))
            raise failure from error
        except AgentError as failure:
            watch.ended(_failed(failure, request_bytes))
            raise
        except asyncio.CancelledError:
            watch.ended(CallOutcome(Reason.CLOSED, "CANCELLED", "cancelled", request_bytes))
            raise
        except Exception as error:
            # A fault of ours. It goes on upwards, but a span that isn't ended is never seen.
            name = type(error).__name__
            watch.ended(CallOutcome(Reason.REJECTED, "UNKNOWN", name, request_bytes))
            raise
        watch.ended(CallOutcome(Reason.OK, "OK", "", request_bytes, len(payload)))
        return response

    def _failure(
        self, method: Method[RequestT, ResponseT], error: TtrpcError | DeadError
    ) -> AgentError:
        if not isinstance(error, TtrpcError):
            return dead_agent(method.full_name)
        failure = agent_error(method.full_name, error)
        if isinstance(error, DeadlineExceeded) and error.phase is Phase.DIAL:
            failure.unreached = called_by_kata(self._connections.url)
        return failure


def _guarded(hook: CallHook | None) -> CallHook:
    if hook is None or isinstance(hook, Hooks):
        return hook or NoHook()
    return Hooks([hook])


def _metadata(watch: CallWatch) -> Metadata:
    """Return what a watch adds to the request, without what ttrpc can't carry."""
    return tuple(
        (key, value)
        for key, value in watch.metadata()
        if METADATA_KEY.fullmatch(key) and value.isascii()
    )


def _decode(method: Method[RequestT, ResponseT], payload: bytes) -> ResponseT:
    try:
        return method.response.FromString(payload)
    except DecodeError as error:
        raise bad_answer(method.full_name, f"answer is no {method.response.__name__}") from error


def _failed(failure: AgentError, request_bytes: int) -> CallOutcome:
    return CallOutcome(failure.reason, failure.code, failure.detail, request_bytes)
