"""Dialling a guest that boots: again and again, until time is up."""

import asyncio
import socket

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.types import AgentConfig, SandboxConfig
from kata_exporter.errors import DialError, HandshakeError, Reason, UrlError, VsockForbidden
from scripted_agent import scripted_agent


class Booting:
    """A guest whose first dials fail."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.dials = 0

    async def dial(self, deadline: float) -> socket.socket:
        del deadline
        self.dials += 1
        raise self.failures[0] if len(self.failures) == 1 else self.failures.pop(0)


def agent_of(booting: Booting, clock: FakeClock, *, redial: bool = True) -> KataAgent:
    return KataAgent(lambda _: booting.dial, "mock:///a", clock=clock, redial=redial)


async def failure_of(agent: KataAgent, clock: FakeClock, seconds: float) -> AgentError:
    call = asyncio.create_task(agent.check())
    await settle()
    await clock.run_for(seconds, step=0.02)
    with pytest.raises(AgentError) as caught:
        await call
    return caught.value


async def test_guest_that_comes_up_is_reached(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        failures = [DialError("no socket"), HandshakeError("KO"), TimeoutError()]

        async def dial(deadline: float) -> socket.socket:
            if failures:
                raise failures.pop(0)
            return await scripted.dial(deadline)

        agent = KataAgent(lambda _: dial, "mock:///a", clock=clock, redial=True)
        call = asyncio.create_task(agent.check())
        await settle()
        await clock.run_for(0.1, step=0.02)
        await call

        assert agent.alive
        await agent.aclose()


async def test_what_the_last_try_did_is_the_error_when_time_is_up(clock: FakeClock) -> None:
    booting = Booting(DialError("no socket"), HandshakeError("said 'KO'"))
    agent = agent_of(booting, clock)
    agent.init(SandboxConfig("sb-one"), AgentConfig(dial_timeout_seconds=0.49))

    error = await failure_of(agent, clock, 0.6)

    assert (error.reason, error.detail) == (Reason.HANDSHAKE_FAILED, "said 'KO'")
    assert booting.dials == 25
    assert not agent.alive


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (VsockForbidden("no"), Reason.VSOCK_FORBIDDEN),
        (UrlError("odd"), Reason.REJECTED),
        (OSError(24, "Too many open files"), Reason.CONNECT_FAILED),
    ],
)
async def test_what_will_not_change_is_tried_once(
    clock: FakeClock, failure: Exception, reason: Reason
) -> None:
    booting = Booting(failure)

    error = await failure_of(agent_of(booting, clock), clock, 0)

    assert (error.reason, booting.dials) == (reason, 1)


async def test_without_redial_one_try_is_all(clock: FakeClock) -> None:
    booting = Booting(DialError("no socket"))

    error = await failure_of(agent_of(booting, clock, redial=False), clock, 0)

    assert (error.reason, booting.dials) == (Reason.CONNECT_FAILED, 1)


async def test_redial_can_be_cancelled_in_its_pause(clock: FakeClock) -> None:
    booting = Booting(DialError("no socket"))
    agent = agent_of(booting, clock)
    call = asyncio.create_task(agent.check())
    await settle()
    assert booting.dials == 1
    await agent.aclose()

    with pytest.raises(AgentError) as caught:
        await call
    assert caught.value.reason is Reason.CLOSED
    assert clock.pending == 0
