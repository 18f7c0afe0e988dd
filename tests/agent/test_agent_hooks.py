"""The seam to whoever watches: told of each call once, on the wire, and harmless."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.errors import DialError, Reason
from kata_exporter.model import Container
from kata_exporter.telemetry.hooks import (
    CallHook,
    CallInfo,
    CallOutcome,
    CallTarget,
    CallWatch,
    Hooks,
)
from kata_exporter.ttrpc import Client, Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

TARGET = CallTarget("/run/a.sock", "demo-1", "shop", "web-0")
CHECK = "grpc.Health/Check"
TRACEPARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Recorder:
    """Keeps what it is told of calls, in order."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self._metadata = metadata
        self.infos: list[CallInfo] = []
        self.steps: list[str] = []
        self.outcomes: list[CallOutcome] = []

    def started(self, info: CallInfo) -> CallWatch:
        self.infos.append(info)
        self.steps.append("started")
        return self

    def metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def event(self, name: str) -> None:
        self.steps.append(name)

    def ended(self, outcome: CallOutcome) -> None:
        self.steps.append("ended")
        self.outcomes.append(outcome)


class Raising(Recorder):
    """Raises at one step."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def _maybe(self, step: str) -> None:
        if step == self._step:
            raise LookupError(step)

    def started(self, info: CallInfo) -> CallWatch:
        self._maybe("started")
        return super().started(info)

    def metadata(self) -> Sequence[tuple[str, str]]:
        self._maybe("metadata")
        return super().metadata()

    def event(self, name: str) -> None:
        self._maybe("event")
        super().event(name)

    def ended(self, outcome: CallOutcome) -> None:
        self._maybe("ended")
        super().ended(outcome)


def agent_of(scripted: ScriptedAgent, clock: FakeClock, hook: CallHook) -> KataAgent:
    return KataAgent(scripted.dial_url, target=TARGET, clock=clock, hook=hook)


async def never() -> bytes:
    await asyncio.Event().wait()
    return b""


async def test_call_is_told_from_start_to_end(clock: FakeClock) -> None:
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b"\x08\x01"
        agent = agent_of(scripted, clock, recorder)
        await agent.check()
        await agent.check()
        await agent.aclose()

    assert recorder.infos == [CallInfo(CHECK, TARGET)] * 2
    assert recorder.steps == [
        *("started", "dial", "connected", "sent", "ended"),
        *("started", "sent", "ended"),
    ]
    assert recorder.outcomes == [CallOutcome(Reason.OK, "OK", response_bytes=2)] * 2


async def test_call_about_a_container_names_it(clock: FakeClock) -> None:
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/StatsContainer"] = b""
        agent = agent_of(scripted, clock, recorder)
        await agent.stats_container(Container("ctr-one", "app"))
        await agent.aclose()

    (info,) = recorder.infos
    assert (info.container_id, info.container_name) == ("ctr-one", "app")
    assert recorder.outcomes == [CallOutcome(Reason.OK, "OK", request_bytes=len("ctr-one") + 2)]


async def test_metadata_is_on_the_wire(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b""
        hook = Hooks([Recorder(TRACEPARENT), Recorder(("tracestate", "a=b"))])
        agent = agent_of(scripted, clock, hook)
        await agent.check()
        await agent.aclose()

    (request,) = scripted.asked
    assert request.metadata == (TRACEPARENT, ("tracestate", "a=b"))


async def test_metadata_that_the_wire_does_not_have_is_left_out(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b""
        hook = Recorder(
            *(("X-Amzn-Trace-Id", "1"), ("", "2"), ("k" * 65, "3"), ("tracestate", "\ud800")),
            TRACEPARENT,
        )
        agent = agent_of(scripted, clock, hook)
        await agent.check()
        await agent.aclose()

    (request,) = scripted.asked
    assert request.metadata == (TRACEPARENT,)


async def test_status_of_a_failure_is_told_escaped_and_cut(clock: FakeClock) -> None:
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = StatusError(Code.INTERNAL, "\x1b[2J\n" * 2000)
        agent = agent_of(scripted, clock, recorder)
        with pytest.raises(AgentError):
            await agent.check()
        await agent.aclose()

    (outcome,) = recorder.outcomes
    assert (outcome.reason, outcome.code) == (Reason.AGENT_ERROR, "INTERNAL")
    assert outcome.message.startswith(r"INTERNAL: \x1b[2J\n")
    assert len(outcome.message) < 300
    assert recorder.steps.count("ended") == 1


async def test_failed_dial_is_told(clock: FakeClock) -> None:
    recorder = Recorder()

    async def dial(deadline: float) -> socket.socket:
        raise DialError(f"refused by {deadline}")

    agent = KataAgent(lambda _: dial, target=TARGET, clock=clock, hook=recorder)
    with pytest.raises(AgentError):
        await agent.check()

    assert recorder.steps == ["started", "dial", "ended"]
    assert recorder.outcomes[0].reason is Reason.CONNECT_FAILED


async def test_answer_that_is_no_message_is_told_as_a_failure(clock: FakeClock) -> None:
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b"\xff"
        agent = agent_of(scripted, clock, recorder)
        with pytest.raises(AgentError):
            await agent.check()
        await agent.aclose()

    assert [outcome.reason for outcome in recorder.outcomes] == [Reason.PROTOCOL_ERROR]


async def test_deadline_that_runs_out_is_told(clock: FakeClock) -> None:
    recorder = Recorder()
    ours, theirs = socket.socketpair()

    async def dial(deadline: float) -> socket.socket:
        del deadline
        return ours

    with theirs:
        agent = KataAgent(lambda _: dial, target=TARGET, clock=clock, hook=recorder)
        call = asyncio.create_task(agent.check(deadline=clock.monotonic() + 1))
        await settle()
        clock.advance(1)
        with pytest.raises(AgentError):
            await call
        await agent.aclose()

    assert recorder.steps == ["started", "dial", "connected", "sent", "ended"]
    assert [outcome.code for outcome in recorder.outcomes] == ["DEADLINE_EXCEEDED"]


@pytest.mark.parametrize("turns", range(7))
async def test_cancelled_call_is_told_once(clock: FakeClock, turns: int) -> None:
    """Left: every call that was started is ended, whichever turn of the loop it was in."""
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = never
        agent = agent_of(scripted, clock, recorder)
        call = asyncio.create_task(agent.check())
        await settle(turns)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await agent.aclose()

    assert recorder.steps.count("started") == (1 if turns else 0)
    assert recorder.steps.count("ended") == recorder.steps.count("started")
    assert {outcome.code for outcome in recorder.outcomes} <= {"CANCELLED"}


async def test_fault_of_our_own_is_told_and_goes_on_upwards(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, recorder)
        monkeypatch.setattr(Client, "call", call)
        with pytest.raises(ZeroDivisionError):
            await agent.check()

    assert [outcome.message for outcome in recorder.outcomes] == ["ZeroDivisionError"]


@pytest.mark.parametrize("step", ["started", "metadata", "event", "ended"])
async def test_hook_that_raises_fails_no_call_and_no_other_hook(
    clock: FakeClock, step: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(TRACEPARENT)
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b""
        alone = agent_of(scripted, clock, Raising(step))
        joined = agent_of(scripted, clock, Hooks([Raising(step), recorder]))
        for agent in (alone, joined):
            await agent.check()
            await agent.aclose()

    assert recorder.steps == ["started", "dial", "connected", "sent", "ended"]
    assert scripted.asked[1].metadata == (TRACEPARENT,)
    assert caplog.messages == [f"Raising.{step} failed, said once"] * 2


async def test_protocol_events_are_told_by_name(clock: FakeClock) -> None:
    told: list[str] = []
    ours, theirs = socket.socketpair()

    async def dial(deadline: float) -> socket.socket:
        del deadline
        return ours

    with theirs:
        agent = KataAgent(lambda _: dial, target=TARGET, clock=clock, on_protocol_event=told.append)
        call = asyncio.create_task(agent.check())
        await settle()
        theirs.send(b"GET / HTTP/1.1\r\n")
        with pytest.raises(AgentError) as caught:
            await call
        await agent.aclose()

    assert caught.value.reason is Reason.PROTOCOL_ERROR
    assert told == ["frame_type"]
    assert not agent.alive


async def test_call_through_a_client_that_was_given_up_is_told_like_any(clock: FakeClock) -> None:
    recorder = Recorder()
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, recorder)
        await agent.mark_dead()
        with pytest.raises(AgentError):
            await agent.check()

    assert recorder.steps == ["started", "ended"]
    assert recorder.outcomes == [CallOutcome(Reason.DEAD, "UNAVAILABLE", "Dead agent")]
