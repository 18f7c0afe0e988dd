"""The life of a client's connections: made late, shared, given up, made again."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent_call import CONTAINER
from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.types import AgentConfig, SandboxConfig
from kata_exporter.errors import DialError, Reason
from scripted_agent import ScriptedAgent, never, scripted_agent

CHECK = "grpc.Health/Check"
URL = "unix:///run/a.sock"
Wait = Callable[[KataAgent, float | None], Coroutine[Any, Any, object]]
WAITS: dict[str, Wait] = {
    "grpc.AgentService/GetOOMEvent": lambda agent, deadline: agent.get_oom_event(deadline=deadline),
    "grpc.AgentService/WaitProcess": lambda agent, deadline: agent.wait_process(
        CONTAINER, "ctr-one", deadline=deadline
    ),
    "grpc.AgentService/ReadStdout": lambda agent, deadline: agent.read_process_stdout(
        CONTAINER, "ctr-one", 9, deadline=deadline
    ),
    "grpc.AgentService/ReadStderr": lambda agent, deadline: agent.read_process_stderr(
        CONTAINER, "ctr-one", 9, deadline=deadline
    ),
}


def agent_of(scripted: ScriptedAgent, clock: FakeClock, url: str = URL) -> KataAgent:
    scripted.answers.setdefault(CHECK, b"")
    return KataAgent(scripted.dial_url, url, clock=clock)


def per_call(agent: KataAgent) -> KataAgent:
    agent.init(SandboxConfig("sb-one"), AgentConfig(long_live_conn=False))
    return agent


async def reason_of(agent: KataAgent, deadline: float | None = None) -> Reason:
    with pytest.raises(AgentError) as caught:
        await agent.check(deadline=deadline)
    return caught.value.reason


class Refusing:
    """A way to nobody."""

    def __init__(self) -> None:
        self.dials = 0

    async def dial(self, deadline: float) -> socket.socket:
        del deadline
        self.dials += 1
        raise DialError("nobody listens")


def refused(clock: FakeClock) -> tuple[KataAgent, Refusing]:
    refusing = Refusing()
    return KataAgent(lambda _: refusing.dial, URL, clock=clock), refusing


async def test_nothing_connects_before_a_call_and_calls_share_a_connection(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        assert (scripted.dials, agent.alive) == (0, True)

        await asyncio.gather(*(agent.check() for _ in range(5)))
        assert (scripted.dials, scripted.urls) == (1, [URL])
        await agent.aclose()


async def test_failed_dial_makes_the_client_dead_for_good(clock: FakeClock) -> None:
    agent, refusing = refused(clock)

    assert await reason_of(agent) is Reason.CONNECT_FAILED
    assert not agent.alive
    assert await reason_of(agent) is Reason.DEAD
    await agent.disconnect()
    assert await reason_of(agent) is Reason.DEAD
    assert (refusing.dials, agent.alive) == (1, False)


async def test_dead_client_says_what_katas_own_says(clock: FakeClock) -> None:
    agent, _ = refused(clock)
    with pytest.raises(AgentError):
        await agent.stop_sandbox()

    with pytest.raises(AgentError) as caught:
        await agent.stop_sandbox()
    assert caught.value.kata_text == "Dead agent"
    assert str(caught.value) == "grpc.AgentService/DestroySandbox: Dead agent"


async def test_failed_dial_of_a_wait_makes_the_client_dead_as_well(clock: FakeClock) -> None:
    agent, refusing = refused(clock)
    with pytest.raises(AgentError, match="nobody listens"):
        await agent.get_oom_event()

    assert await reason_of(agent) is Reason.DEAD
    assert refusing.dials == 1


async def test_lost_connection_stays_lost_until_disconnect(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        await scripted.drop()
        await settle()

        assert agent.alive is False
        with pytest.raises(AgentError) as caught:
            await agent.get_guest_details()
        assert caught.value.reason is Reason.CLOSED
        assert caught.value.kata_text == "ttrpc: closed"
        assert scripted.dials == 1

        await agent.disconnect()
        await agent.check()
        assert (scripted.dials, agent.alive) == (2, True)
        await agent.aclose()


async def test_disconnect_ends_calls_and_waits_under_way(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = never
        scripted.answers["grpc.AgentService/GetOOMEvent"] = never
        agent = agent_of(scripted, clock)
        tasks = [asyncio.ensure_future(call) for call in (agent.check(), agent.get_oom_event())]
        await settle()
        assert scripted.connections == 2

        await agent.disconnect()
        for task in tasks:
            with pytest.raises(AgentError) as caught:
                await task
            assert caught.value.reason is Reason.CLOSED
        await scripted.ended()
        scripted.answers[CHECK] = b""
        await agent.check()
        await agent.aclose()


@pytest.mark.parametrize("ending", ["disconnect", "mark_dead", "aclose"])
@pytest.mark.parametrize("turns", range(1, 4))
async def test_ending_that_is_cancelled_leaves_no_connection(
    clock: FakeClock, ending: str, turns: int
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetOOMEvent"] = never
        agent = agent_of(scripted, clock)
        await agent.check()
        wait = asyncio.create_task(agent.get_oom_event())
        await settle()
        assert scripted.connections == 2

        end = asyncio.create_task(getattr(agent, ending)())
        await settle(turns)
        end.cancel()
        await asyncio.wait([end])
        with pytest.raises(AgentError) as caught:
            await wait
        assert caught.value.reason is Reason.CLOSED
        await settle()
        assert scripted.connections == 0


async def test_closing_is_final(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        await agent.aclose()
        await agent.disconnect()

        assert await reason_of(agent) is Reason.CLOSED
        assert (scripted.dials, agent.alive) == (1, False)


async def test_closing_before_any_call_is_final_too(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.aclose()

        assert await reason_of(agent) is Reason.CLOSED
        assert scripted.dials == 0


@pytest.mark.parametrize("method", WAITS)
async def test_call_that_waits_has_a_connection_of_its_own(clock: FakeClock, method: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[method] = never
        agent = agent_of(scripted, clock)
        await agent.check()
        wait = asyncio.create_task(WAITS[method](agent, None))
        await settle()
        assert scripted.connections == 2

        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await settle()
        assert (scripted.connections, agent.alive) == (1, True)
        await agent.aclose()


@pytest.mark.parametrize("method", WAITS)
async def test_wait_with_a_deadline_tells_the_guest(clock: FakeClock, method: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[method] = never
        agent = agent_of(scripted, clock)
        wait = asyncio.create_task(WAITS[method](agent, clock.monotonic() + 5))
        await settle()
        await clock.run_for(5)

        with pytest.raises(AgentError) as caught:
            await wait
        assert caught.value.reason is Reason.TIMEOUT
        assert scripted.asked[0].timeout_ns == pytest.approx(4.9e9)
        assert agent.alive


async def test_without_a_lasting_connection_each_call_has_its_own(clock: FakeClock) -> None:
    """So that none ends another's, as calls of Kata's own client do to each other."""
    async with scripted_agent(clock) as scripted:
        slow = asyncio.Event()

        async def answer() -> bytes:
            await slow.wait()
            return b""

        scripted.answers[CHECK] = answer
        scripted.answers["grpc.Health/Version"] = b""
        agent = per_call(agent_of(scripted, clock))
        first = asyncio.create_task(agent.check())
        await settle()
        await agent.version()
        await settle()
        assert (scripted.dials, scripted.connections) == (2, 1)

        slow.set()
        await first
        await scripted.ended()
        assert agent.alive


async def test_failed_dial_is_final_without_a_lasting_connection_too(clock: FakeClock) -> None:
    agent, refusing = refused(clock)
    per_call(agent)

    assert await reason_of(agent) is Reason.CONNECT_FAILED
    assert await reason_of(agent) is Reason.DEAD
    assert refusing.dials == 1


async def test_client_that_is_marked_dead_asks_nothing_more(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        await agent.mark_dead()
        await scripted.ended()

        assert await reason_of(agent) is Reason.DEAD
        assert len(scripted.asked) == 1


async def test_disconnect_and_mark_dead_without_a_connection_are_no_error(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.disconnect()
        await agent.disconnect()
        await agent.check()
        await agent.mark_dead()
        await agent.mark_dead()
        await agent.disconnect()

        assert await reason_of(agent) is Reason.DEAD
        assert scripted.dials == 1


async def test_end_of_its_block_closes_a_client(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        async with agent_of(scripted, clock) as agent:
            await agent.check()
            assert scripted.connections == 1
        await scripted.ended()

    assert not agent.alive
