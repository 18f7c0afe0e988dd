"""A dial has a time of its own: what fails it, what only gives up on it, and what that means."""

import asyncio
import math
import socket

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.errors import ArgumentError, DialError, Reason
from scripted_agent import ScriptedAgent, scripted_agent

CHECK = "grpc.Health/Check"
URL = "unix:///run/a.sock"


async def reason_of(agent: KataAgent, deadline: float | None = None) -> Reason:
    with pytest.raises(AgentError) as caught:
        await agent.check(deadline=deadline)
    return caught.value.reason


class HeldDial:
    """A way to an agent that is closed until it is opened."""

    def __init__(self, scripted: ScriptedAgent) -> None:
        scripted.answers.setdefault(CHECK, b"")
        self._scripted = scripted
        self.ready = asyncio.Event()
        self.begun = 0

    async def dial(self, deadline: float) -> socket.socket:
        self.begun += 1
        await self.ready.wait()
        return await self._scripted.dial(deadline)


async def test_dial_that_takes_too_long_makes_the_client_dead(clock: FakeClock) -> None:
    async def dial(deadline: float) -> socket.socket:
        del deadline
        return await asyncio.Future()

    agent = KataAgent(lambda _: dial, URL, clock=clock)
    call = asyncio.create_task(agent.check())
    await settle()
    await clock.run_for(29.9, step=10)
    assert not call.done()
    await clock.run_for(0.2)

    with pytest.raises(AgentError) as caught:
        await call
    assert caught.value.reason is Reason.TIMEOUT
    assert await reason_of(agent) is Reason.DEAD


async def test_call_that_gives_up_on_a_dial_leaves_it_to_the_others(clock: FakeClock) -> None:
    ready = asyncio.Event()
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b""

        async def dial(deadline: float) -> socket.socket:
            await ready.wait()
            return await scripted.dial(deadline)

        agent = KataAgent(lambda _: dial, URL, clock=clock)
        patient = asyncio.create_task(agent.check())
        hasty = asyncio.create_task(agent.check(deadline=clock.monotonic() + 1))
        await clock.run_for(2)
        with pytest.raises(AgentError) as caught:
            await hasty
        assert (caught.value.reason, agent.alive) == (Reason.TIMEOUT, True)

        ready.set()
        await patient
        await agent.aclose()


async def test_call_in_a_hurry_costs_the_others_nothing(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        held = HeldDial(scripted)
        agent = KataAgent(lambda _: held.dial, URL, clock=clock)
        hasty = asyncio.create_task(reason_of(agent, clock.monotonic() + 1))
        await settle()
        patient = asyncio.create_task(agent.check())
        await clock.run_for(2)
        assert await hasty is Reason.TIMEOUT
        assert (agent.alive, agent.connecting) == (True, True)

        held.ready.set()
        await patient
        await agent.check()
        assert (held.begun, agent.connecting) == (1, False)
        await agent.aclose()


async def test_dial_that_nobody_waits_for_is_closed_with_the_client(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        held = HeldDial(scripted)
        agent = KataAgent(lambda _: held.dial, URL, clock=clock)
        hasty = asyncio.create_task(reason_of(agent, clock.monotonic() + 1))
        await clock.run_for(1)
        assert await hasty is Reason.TIMEOUT
        assert agent.connecting

        await agent.disconnect()
        assert (agent.connecting, agent.alive, clock.pending) == (False, True, 0)
        held.ready.set()
        await agent.check()
        assert (held.begun, scripted.dials) == (2, 1)
        await agent.aclose()


@pytest.mark.parametrize("late_seconds", [0, 5])
async def test_deadline_that_has_passed_is_a_timeout_and_nothing_else(
    clock: FakeClock, late_seconds: float
) -> None:
    async with scripted_agent(clock) as scripted:
        held = HeldDial(scripted)
        held.ready.set()
        agent = KataAgent(lambda _: held.dial, URL, clock=clock)
        late = clock.monotonic() - late_seconds
        assert await reason_of(agent, late) is Reason.TIMEOUT
        with pytest.raises(AgentError) as caught:
            await agent.get_oom_event(deadline=late)
        assert caught.value.reason is Reason.TIMEOUT
        assert (held.begun, agent.alive) == (0, True)

        await agent.check()
        await agent.aclose()


@pytest.mark.parametrize("deadline", [math.nan, math.inf, -math.inf, "5", True])
async def test_deadline_that_is_no_time_is_refused_and_harms_nothing(
    clock: FakeClock, deadline: float
) -> None:
    async with scripted_agent(clock) as scripted:
        held = HeldDial(scripted)
        held.ready.set()
        agent = KataAgent(lambda _: held.dial, URL, clock=clock)
        for call in (agent.check, agent.get_oom_event):
            with pytest.raises(ArgumentError) as caught:
                await call(deadline=deadline)
            assert caught.value.argument == "deadline"
        assert (held.begun, agent.alive) == (0, True)

        await agent.check()
        await agent.aclose()


async def test_wait_whose_dial_fails_beside_a_live_connection_fails_alone(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = b""
        ways = [scripted.dial]

        async def dial(deadline: float) -> socket.socket:
            if not ways:
                raise DialError("no more connections")
            return await ways.pop()(deadline)

        agent = KataAgent(lambda _: dial, URL, clock=clock)
        await agent.check()
        with pytest.raises(AgentError, match="no more connections"):
            await agent.get_oom_event()

        assert agent.alive
        await agent.check()
        await agent.aclose()


async def test_wait_that_gives_up_on_its_dial_leaves_the_client_as_it_was(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        held = HeldDial(scripted)
        agent = KataAgent(lambda _: held.dial, URL, clock=clock)
        wait = asyncio.create_task(agent.get_oom_event(deadline=clock.monotonic() + 1))
        await settle()
        await clock.run_for(1)
        with pytest.raises(AgentError) as caught:
            await wait
        assert (caught.value.reason, clock.pending) == (Reason.TIMEOUT, 0)

        held.ready.set()
        await agent.check()
        assert (held.begun, scripted.dials) == (2, 1)
        await agent.aclose()
