"""Waiting for OOM events: on a connection of its own, one wait at a time, ended by closing."""

import asyncio

import pytest

from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2
from kata_exporter.agent import AgentError, KataAgent, OomWaiter
from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallTarget
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

WAIT = "grpc.AgentService/GetOOMEvent"


class Queue:
    """Events of a guest: each has one taker, and one that has gone takes none."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[str] = asyncio.Queue()

    def put(self, container_id: str) -> None:
        self._events.put_nowait(container_id)

    async def __call__(self) -> bytes:
        event = agent_pb2.OOMEvent(container_id=await self._events.get())
        return event.SerializeToString()


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    return KataAgent(scripted.dial_url, target=CallTarget("/run/a.sock"), clock=clock)


async def test_event_names_its_container(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        queue = Queue()
        scripted.answers[WAIT] = queue
        agent = agent_of(scripted, clock)
        wait = asyncio.create_task(OomWaiter(agent).wait())
        await settle()
        assert not wait.done()
        queue.put("ctr-one")

        assert await wait == "ctr-one"
        await agent.aclose()


async def test_wait_has_no_end_of_its_own_and_asks_for_none(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        queue = Queue()
        scripted.answers[WAIT] = queue
        agent = agent_of(scripted, clock)
        wait = asyncio.create_task(OomWaiter(agent).wait())
        await settle()
        await clock.run_for(1_000_000, step=100_000)
        assert not wait.done()
        assert scripted.asked[0].timeout_ns == 0

        queue.put("ctr-one")
        assert await wait == "ctr-one"
        await agent.aclose()


async def test_wait_has_a_connection_of_its_own_which_the_next_wait_uses(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        scripted.answers[WAIT] = queue = Queue()
        agent = agent_of(scripted, clock)
        await agent.check()
        waiter = OomWaiter(agent)
        for _ in range(3):
            wait = asyncio.create_task(waiter.wait())
            await settle()
            assert (scripted.dials, scripted.connections) == (2, 2)
            queue.put("ctr-one")
            await wait
        await agent.check()
        await agent.aclose()


async def test_cancelling_a_wait_closes_its_connection_and_takes_no_event(
    clock: FakeClock,
) -> None:
    """Left: the agent's other connection, and the next event for whoever waits next."""
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        scripted.answers[WAIT] = queue = Queue()
        agent = agent_of(scripted, clock)
        await agent.check()
        waiter = OomWaiter(agent)
        wait = asyncio.create_task(waiter.wait())
        await settle()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await settle()
        assert scripted.connections == 1

        queue.put("ctr-one")
        assert await waiter.wait() == "ctr-one"
        assert agent.alive
        await agent.aclose()


async def test_second_wait_at_a_time_is_refused_and_the_first_goes_on(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[WAIT] = queue = Queue()
        agent = agent_of(scripted, clock)
        waiter = OomWaiter(agent)
        first = asyncio.create_task(waiter.wait())
        await settle()

        with pytest.raises(RuntimeError, match="one wait"):
            await waiter.wait()
        assert scripted.methods == [WAIT]
        queue.put("ctr-one")
        assert await first == "ctr-one"
        await agent.aclose()


@pytest.mark.parametrize("text", ["", '""'])
async def test_wait_ends_with_nothing_when_the_sandbox_is_destroyed(
    clock: FakeClock, text: str
) -> None:
    """It gets 13 without a text then."""
    async with scripted_agent(clock) as scripted:
        scripted.answers[WAIT] = StatusError(Code.INTERNAL, text)
        waiter = OomWaiter(agent_of(scripted, clock))

        assert await waiter.wait() is None
        await waiter.aclose()


async def test_failed_wait_is_an_agent_error_and_the_next_may_follow(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[WAIT] = StatusError(Code.INTERNAL, "no")
        waiter = OomWaiter(agent_of(scripted, clock))
        for _ in range(2):
            with pytest.raises(AgentError) as caught:
                await waiter.wait()
            assert (caught.value.reason, caught.value.code) == (Reason.AGENT_ERROR, "INTERNAL")
        assert scripted.dials == 2
