"""Connections that outlast a call: of waits, for the next one; and the shared one, while it is kept."""

import asyncio

import pytest

from agent_call import CONTAINER
from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.connections import MAX_IDLE_WAITS
from kata_exporter.agent.types import AgentConfig, AgentState, SandboxConfig
from kata_exporter.errors import Reason
from kata_exporter.sockets import Dialer
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, never, scripted_agent

CHECK = "grpc.Health/Check"
READ = "grpc.AgentService/ReadStdout"
OUTPUT = pb.ReadStreamResponse(data=b"abc").SerializeToString()
PER_CALL = AgentConfig(long_live_conn=False)


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    scripted.answers = {CHECK: b"", READ: OUTPUT} | scripted.answers
    return KataAgent(scripted.dial_url, "unix:///run/a.sock", clock=clock)


async def read(agent: KataAgent) -> bytes:
    return await agent.read_process_stdout(CONTAINER, "ctr-one", 9)


async def test_twenty_reads_take_one_connection(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        for _ in range(20):
            assert await read(agent) == b"abc"

        assert (scripted.dials, scripted.connections) == (2, 2)
        await agent.aclose()


async def test_waits_at_the_same_time_have_a_connection_each_and_few_are_kept(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await asyncio.gather(*(read(agent) for _ in range(5)))
        await settle()
        assert (scripted.dials, scripted.connections) == (5, MAX_IDLE_WAITS)

        await agent.disconnect()
        await settle()
        assert scripted.connections == 0
        await read(agent)
        assert scripted.dials == 6
        await agent.aclose()


@pytest.mark.parametrize("how", ["cancelled", "timed out", "failed"])
async def test_connection_of_a_wait_that_was_not_answered_is_closed(
    clock: FakeClock, how: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        scripted.answers[READ] = StatusError(Code.INTERNAL, "no") if how == "failed" else never
        deadline = clock.monotonic() + 5
        wait = asyncio.create_task(
            agent.read_process_stdout(CONTAINER, "ctr-one", 9, deadline=deadline)
        )
        await settle()
        if how == "cancelled":
            wait.cancel()
        clock.advance(5)
        with pytest.raises(asyncio.CancelledError if how == "cancelled" else AgentError):
            await wait
        await settle()
        assert (scripted.dials, scripted.connections) == (1, 0)

        scripted.answers[READ] = OUTPUT
        await read(agent)
        assert scripted.dials == 2
        await agent.aclose()


async def test_kept_connection_that_was_lost_is_not_used_again(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await read(agent)
        await scripted.drop()
        await settle()

        assert await read(agent) == b"abc"
        assert scripted.dials == 2
        await agent.aclose()


async def test_wait_that_ends_after_a_disconnect_is_not_kept(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await read(agent)
        await agent.aclose()
        await settle()

        assert scripted.connections == 0


async def test_change_to_a_connection_for_each_call_closes_those_that_lasted(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        await read(agent)
        assert scripted.connections == 2

        agent.init(SandboxConfig("sb-one"), PER_CALL)
        await settle()
        assert (scripted.connections, agent.alive) == (0, True)
        await agent.check()
        await read(agent)
        await scripted.ended()
        assert (scripted.dials, agent.alive) == (4, True)


async def test_change_in_mid_call_closes_the_shared_connection_after_it(clock: FakeClock) -> None:
    go = asyncio.Event()

    async def slowly() -> bytes:
        await go.wait()
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers[CHECK] = slowly
        agent = agent_of(scripted, clock)
        call = asyncio.create_task(agent.check())
        await settle()
        agent.init(SandboxConfig("sb-one"), PER_CALL)
        await settle()
        assert scripted.connections == 1

        go.set()
        await call
        await scripted.ended()
        assert agent.alive


async def test_lost_connection_of_before_says_nothing_of_calls_with_their_own(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.check()
        await scripted.drop()
        await settle()
        before = agent.alive
        agent.init(SandboxConfig("sb-one"), PER_CALL)
        assert (before, agent.alive) == (False, True)
        await agent.check()
        await agent.aclose()


@pytest.mark.parametrize("keep", [True, False])
async def test_url_that_cannot_be_read_harms_nothing_once_it_is_right(
    clock: FakeClock, *, keep: bool
) -> None:
    async with scripted_agent(clock) as scripted:
        dialer = Dialer()

        def dial_url(url: str) -> object:
            dialer.dial_url(url)
            return scripted.dial_url(url)

        agent = KataAgent(dial_url, "bogus", clock=clock)  # type: ignore[arg-type]  # a dial, after all
        scripted.answers[CHECK] = b""
        agent.init(SandboxConfig("sb-one"), AgentConfig(long_live_conn=keep))
        for call in (agent.check, agent.get_oom_event):
            with pytest.raises(AgentError, match="no scheme") as caught:
                await call()
            assert (caught.value.reason, agent.alive) == (Reason.REJECTED, True)

        agent.load(AgentState("unix:///run/a.sock"))
        await agent.check()
        assert scripted.urls == ["unix:///run/a.sock"]
        await agent.aclose()
