"""Client of one sandbox's agent: each method is one call on the wire, watched by a hook.

The client connects when it is first asked. After a failed dial or a lost connection it is dead for
good, as Kata's own is: who holds it makes a new one, when its back-off says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent.errors import AgentError, agent_error, bad_answer
from kata_exporter.agent.messages.guest import guest_details
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.agent.methods import (
    CHECK,
    GET_GUEST_DETAILS,
    GET_METRICS,
    GET_OOM_EVENT,
    STATS_CONTAINER,
    VERSION,
    Method,
)
from kata_exporter.agent.types import AgentVersion, ContainerStats, GuestDetails
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
from kata_exporter.ttrpc import METADATA_KEY, Call, Client, Dial, Metadata, TtrpcError

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class KataAgent:
    """Calls to the agent of one sandbox.

    Every method takes an absolute ``deadline`` on the clock, dial included; without one the time-out
    of Kata's own client holds. Every method raises `AgentError`.

    Args:
        dial: connects to the agent.
        target: whom the calls are about, for whoever watches them.
        clock: for deadlines.
        hook: is told of every call; one that raises fails none.
        on_protocol_event: is told of late answers and broken rules, by the names of closed sets.
    """

    def __init__(
        self,
        dial: Dial,
        *,
        target: CallTarget,
        clock: Clock,
        hook: CallHook | None = None,
        on_protocol_event: Callable[[str], None] | None = None,
    ) -> None:
        self._dial = dial
        self._target = target
        self._clock = clock
        self._hook = _guarded(hook)
        self._on_protocol_event = on_protocol_event
        self._client = self._new_client()
        self._waits: set[Client] = set()

    @property
    def alive(self) -> bool:
        """Whether a call may still succeed; once false, it stays so."""
        return self._client.alive

    async def check(self, *, deadline: float | None = None) -> None:
        """Ask whether the agent answers at all (``Health/Check``); its status is not looked at."""
        await self._call(CHECK, health_pb2.CheckRequest(), deadline)

    async def version(self, *, deadline: float | None = None) -> AgentVersion:
        """Return the agent's version (``Health/Version``); no policy forbids asking."""
        answer = await self._call(VERSION, health_pb2.CheckRequest(), deadline)
        return AgentVersion(answer.grpc_version, answer.agent_version)

    async def get_agent_metrics(self, *, deadline: float | None = None) -> str:
        """Return the guest's metrics as text (``GetMetrics``): format 0.0.4, not to be trusted."""
        answer = await self._call(GET_METRICS, agent_pb2.GetMetricsRequest(), deadline)
        return answer.metrics

    async def stats_container(
        self, container: Container, *, deadline: float | None = None
    ) -> ContainerStats:
        """Return a container's cgroup statistics (``StatsContainer``).

        A container that the agent doesn't have gives reason ``gone``.
        """
        request = agent_pb2.StatsContainerRequest(container_id=container.id)
        answer = await self._call(STATS_CONTAINER, request, deadline, container)
        return container_stats(answer)

    async def get_guest_details(self, *, deadline: float | None = None) -> GuestDetails:
        """Return what the agent says of itself and its guest (``GetGuestDetails``)."""
        request = agent_pb2.GuestDetailsRequest(mem_block_size=True, mem_hotplug_probe=True)
        return guest_details(await self._call(GET_GUEST_DETAILS, request, deadline))

    async def get_oom_event(self) -> str:
        """Wait for an OOM event and return the id of its container (``GetOOMEvent``).

        The event is taken away from whoever else waits for it. The wait has no end of its own, and
        a connection of its own: cancelling it closes that, so that no event is swallowed.
        """
        client = self._new_client()
        self._waits.add(client)
        try:
            answer = await self._call(
                GET_OOM_EVENT, agent_pb2.GetOOMEventRequest(), None, client=client
            )
        finally:
            self._waits.discard(client)
            await client.aclose()
        return answer.container_id

    async def aclose(self) -> None:
        """Close every connection; calls and waits under way end with reason ``closed``."""
        for client in (self._client, *self._waits):
            await client.aclose()

    def _new_client(self) -> Client:
        return Client(self._dial, clock=self._clock, on_event=self._on_protocol_event)

    async def _call(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        deadline: float | None,
        container: Container | None = None,
        *,
        client: Client | None = None,
    ) -> ResponseT:
        payload = request.SerializeToString()
        if deadline is None and method.timeout_seconds is not None:
            deadline = self._clock.monotonic() + method.timeout_seconds
        watch = self._hook.started(self._info(method, container))
        call = Call(method.service, method.name, payload, method.cap_bytes, _metadata(watch))
        answer = (client or self._client).call(call, deadline=deadline, trace=watch)
        return await _watched(method, answer, watch, len(payload))

    def _info(self, method: Method[RequestT, ResponseT], container: Container | None) -> CallInfo:
        if container is None:
            return CallInfo(method.full_name, self._target)
        return CallInfo(method.full_name, self._target, container.id, container.name)


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


async def _watched(
    method: Method[RequestT, ResponseT],
    answer: Awaitable[bytes],
    watch: CallWatch,
    request_bytes: int,
) -> ResponseT:
    """Await an answer, decode it, and tell the watch how it ended, whichever way it did."""
    try:
        payload = await answer
        response = _decode(method, payload)
    except TtrpcError as error:
        failure = agent_error(method.full_name, error)
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


def _decode(method: Method[RequestT, ResponseT], payload: bytes) -> ResponseT:
    try:
        return method.response.FromString(payload)
    except DecodeError as error:
        raise bad_answer(method.full_name, f"answer is no {method.response.__name__}") from error


def _failed(failure: AgentError, request_bytes: int) -> CallOutcome:
    return CallOutcome(failure.reason, failure.code, failure.detail, request_bytes)
