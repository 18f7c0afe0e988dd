"""A client that shares another's connection takes that alone: neither its end nor its failures."""

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.errors import ArgumentError, DialError, Reason
from kata_exporter.ttrpc import Dial
from scripted_agent import ScriptedAgent, scripted_agent

CHECK = "grpc.Health/Check"
URL = "unix:///run/a.sock"


def agent_of(scripted: ScriptedAgent, clock: FakeClock, url: str = URL) -> KataAgent:
    scripted.answers.setdefault(CHECK, b"")
    return KataAgent(scripted.dial_url, url, clock=clock)


async def reason_of(agent: KataAgent) -> Reason:
    with pytest.raises(AgentError) as caught:
        await agent.check()
    return caught.value.reason


async def refused(clock: FakeClock) -> KataAgent:
    """Return a client whose dial has failed."""

    def dial_url(url: str) -> Dial:
        async def dial(deadline: float) -> None:
            raise DialError(f"nobody listens on {url} by {deadline}")

        return dial  # type: ignore[return-value]  # it only raises

    agent = KataAgent(dial_url, URL, clock=clock)
    with pytest.raises(AgentError, match="nobody listens"):
        await agent.check()
    return agent


async def test_reuse_shares_the_other_clients_connection(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        first, second = agent_of(scripted, clock), agent_of(scripted, clock, "mock:///other")
        await first.check()
        await second.check()
        await second.reuse_agent(first)
        await settle()
        assert (scripted.dials, scripted.connections) == (2, 1)

        await second.check()
        assert scripted.dials == 2
        assert second.save().url == "mock:///other"
        await first.aclose()
        await second.aclose()


async def test_reuse_of_a_client_without_a_connection_connects_by_itself(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        first, second = agent_of(scripted, clock), agent_of(scripted, clock)
        await second.reuse_agent(first)
        await second.reuse_agent(second)

        await second.check()
        assert (scripted.dials, scripted.connections) == (1, 1)
        await second.aclose()


async def test_reuse_of_something_else_names_the_argument(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        with pytest.raises(ArgumentError) as caught:
            await agent_of(scripted, clock).reuse_agent("vsock://3:1024")

    assert caught.value.argument == "agent"


async def test_reuse_brings_no_dead_client_back(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        dead, live = await refused(clock), agent_of(scripted, clock)
        await live.check()
        await dead.reuse_agent(live)
        assert (await reason_of(dead), dead.alive) == (Reason.DEAD, False)

        await dead.aclose()
        await live.check()
        assert scripted.dials == 1
        await live.aclose()


async def test_closed_client_takes_nothing_and_says_so(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        closed, live = agent_of(scripted, clock), agent_of(scripted, clock)
        await closed.aclose()
        await live.check()
        with pytest.raises(ArgumentError, match="a client that was closed") as caught:
            await closed.reuse_agent(live)
        assert caught.value.argument == "agent"

        await closed.disconnect()
        await live.check()
        assert scripted.dials == 1
        await live.aclose()


async def test_reuse_of_a_dead_client_takes_over_neither_death_nor_url(clock: FakeClock) -> None:
    """However it died: by a failed dial, or given up by who holds it."""
    async with scripted_agent(clock) as scripted:
        unreachable = await refused(clock)
        given_up = agent_of(scripted, clock, "mock:///dead")
        await given_up.mark_dead()
        for dead in (unreachable, given_up):
            agent = agent_of(scripted, clock, "mock:///mine")
            await agent.reuse_agent(dead)

            await agent.check()
            assert (agent.alive, agent.save().url) == (True, "mock:///mine")
            assert await reason_of(dead) is Reason.DEAD
            await agent.aclose()
