"""Waiting for an agent's events: one wait at a time, re-issued, backed off, and closed when cancelled."""

import asyncio
from collections import deque
from dataclasses import replace

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.agent.errors import AgentError
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import Container, OomSeen, Sandbox
from kata_exporter.oom.waiting import ASK_AGAIN_SECONDS, EVENT_GAP_SECONDS, Waiting

SANDBOX = Sandbox("sb1", 1, "unix:///x")
POLL_SECONDS = 30.0
METHOD = "grpc.AgentService/GetOOMEvent"


def _error(reason: Reason, code: str = "INTERNAL") -> AgentError:
    return AgentError(METHOD, reason, code, "no", from_agent=reason is not Reason.TIMEOUT)


class FakeWaiter:
    """A waiter whose waits end as the test says."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waits = 0
        self.deadlines: list[float] = []
        self.closed = 0
        self.may_close = asyncio.Event()
        self.may_close.set()
        self._answers: deque[str | AgentError | None] = deque()
        self._come = asyncio.Event()

    def answer(self, *answers: str | AgentError | None) -> None:
        self._answers.extend(answers)
        self._come.set()

    async def wait(self, *, deadline: float | None = None) -> str | None:
        assert deadline is not None
        self.waits += 1
        self.deadlines.append(deadline - self.clock.monotonic())
        while not self._answers:
            self._come.clear()
            timer = self.clock.call_at(deadline, self._come.set)
            try:
                await self._come.wait()
            finally:
                timer.cancel()
            if not self._answers and self.clock.monotonic() >= deadline:
                raise _error(Reason.TIMEOUT, "DEADLINE_EXCEEDED")
        answer = self._answers.popleft()
        if isinstance(answer, AgentError):
            raise answer
        return answer

    async def aclose(self) -> None:
        await self.may_close.wait()
        self.closed += 1


class Rig:
    """Waiting on one sandbox."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waiter = FakeWaiter(clock)
        self.reached: list[str] = []
        self.told: list[OomSeen] = []
        self.changes: list[bool] = []
        self.waiting = Waiting(
            self._connect,
            clock=clock,
            poll_timeout_seconds=POLL_SECONDS,
            tell=self.told.append,
            on_change=lambda id_: self.changes.append(self.waiting.works(id_)),
        )

    async def pass_time(self, seconds: float) -> None:
        await settle()
        self.clock.advance(seconds)
        await settle()

    def _connect(self, sandbox: Sandbox) -> FakeWaiter:
        self.reached.append(sandbox.agent_url)
        return self.waiter


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def rig(clock: FakeClock) -> Rig:
    return Rig(clock)


async def test_an_event_is_told_and_the_next_is_waited_for(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiter.answer("c1")
    await rig.pass_time(EVENT_GAP_SECONDS)

    assert [(event.source, event.container_id, event.sandbox_id) for event in rig.told] == [
        ("agent", "c1", "sb1")
    ]
    assert rig.waiter.waits == 2
    await rig.waiting.aclose()


async def test_a_wait_that_lasted_is_made_again_at_once_with_the_same_time(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    for _ in range(3):
        await rig.pass_time(POLL_SECONDS)

    assert rig.waiter.deadlines == [POLL_SECONDS] * 4
    assert rig.changes == [True]
    await rig.waiting.aclose()


async def test_it_works_once_a_wait_has_lasted_a_second(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    await rig.pass_time(0.9)
    assert not rig.waiting.works("sb1")

    await rig.pass_time(0.1)

    assert rig.waiting.works("sb1")
    await rig.waiting.aclose()
    assert not rig.waiting.works("sb1")


async def test_a_destroyed_sandbox_ends_it(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiter.answer(None)
    await rig.pass_time(100)

    assert (rig.waiter.waits, rig.waiter.closed) == (1, 1)
    assert not rig.waiting.works("sb1")
    await rig.waiting.aclose()


@pytest.mark.parametrize("reason", [Reason.POLICY_BLOCKED, Reason.UNSUPPORTED])
async def test_a_denial_is_a_state_and_asked_again_rarely(rig: Rig, reason: Reason) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiter.answer(_error(reason))
    await rig.pass_time(ASK_AGAIN_SECONDS - 1)
    assert rig.waiter.waits == 1
    assert not rig.waiting.works("sb1")

    await rig.pass_time(1)

    assert rig.waiter.waits == 2
    await rig.waiting.aclose()


async def test_errors_back_off_from_1_s_to_60_s(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    for number, pause in enumerate((1, 2, 4, 8, 16, 32, 60, 60), 1):
        rig.waiter.answer(_error(Reason.CLOSED))
        await rig.pass_time(pause - 0.5)
        assert rig.waiter.waits == number
        assert not rig.waiting.works("sb1")
        await rig.pass_time(0.5)
        assert rig.waiter.waits == number + 1
    await rig.waiting.aclose()


async def test_an_agent_that_ends_waits_at_once_is_backed_off_too(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiter.answer(*[_error(Reason.TIMEOUT, "DEADLINE_EXCEEDED")] * 5)
    await rig.pass_time(0.5)

    assert rig.waiter.waits == 1
    await rig.waiting.aclose()


async def test_a_guest_with_one_event_after_the_other_has_a_hundred_a_second(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiter.answer(*["c1"] * 1000)
    for _ in range(50):
        await rig.pass_time(0.01)

    assert len(rig.told) == 51
    await rig.waiting.aclose()


async def test_an_address_that_cannot_be_used_ends_it(clock: FakeClock) -> None:
    def refuse(_sandbox: Sandbox) -> FakeWaiter:
        raise AddressError("no", Reason.REJECTED)

    waiting = Waiting(
        refuse,
        clock=clock,
        poll_timeout_seconds=POLL_SECONDS,
        tell=lambda _event: None,
        on_change=lambda _id: None,
    )
    waiting.start(SANDBOX)
    await settle()
    await waiting.aclose()


@pytest.mark.parametrize(
    "phase", ["starting", "waiting", "after an event", "backing off", "denied"]
)
async def test_stopping_in_any_phase_closes_the_connection(rig: Rig, phase: str) -> None:
    rig.waiting.start(SANDBOX)
    rig.waiting.start(SANDBOX)
    if phase == "after an event":
        rig.waiter.answer("c1")
    elif phase == "backing off":
        rig.waiter.answer(_error(Reason.CLOSED))
    elif phase == "denied":
        rig.waiter.answer(_error(Reason.POLICY_BLOCKED))
    if phase != "starting":
        await settle()
    rig.waiting.stop("sb1")
    await rig.waiting.aclose()

    assert rig.waiter.closed == (phase != "starting")
    assert rig.waiter.waits == (phase != "starting")


async def test_the_next_wait_on_an_agent_begins_when_the_one_before_is_closed(rig: Rig) -> None:
    rig.waiting.start(SANDBOX)
    await rig.pass_time(2)
    rig.waiter.may_close.clear()
    for _ in range(3):
        rig.waiting.stop("sb1")
        rig.waiting.start(SANDBOX)
        await rig.pass_time(2)
    assert (rig.waiter.waits, rig.waiter.closed) == (1, 0)

    rig.waiter.may_close.set()
    await settle()

    assert (rig.waiter.waits, rig.waiter.closed) == (2, 1)
    await rig.waiting.aclose()


@pytest.mark.parametrize(
    "later",
    [replace(SANDBOX, agent_url="unix:///y"), replace(SANDBOX, generation=2)],
    ids=["address", "generation"],
)
async def test_another_address_or_generation_is_waited_on_anew(rig: Rig, later: Sandbox) -> None:
    rig.waiting.start(SANDBOX)
    await settle()
    rig.waiting.start(replace(SANDBOX, containers=(Container("c1", "web"),)))
    await settle()
    assert rig.reached == ["unix:///x"]

    rig.waiting.start(later)
    await settle()

    assert rig.reached == ["unix:///x", later.agent_url]
    assert rig.waiter.closed == 1
    await rig.waiting.aclose()


async def test_a_sandbox_is_waited_on_once_its_address_is_known(rig: Rig) -> None:
    rig.waiting.start(replace(SANDBOX, agent_url=""))
    await settle()
    assert rig.reached == []

    rig.waiting.start(SANDBOX)
    await settle()

    assert rig.reached == ["unix:///x"]
    await rig.waiting.aclose()
