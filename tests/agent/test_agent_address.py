"""An agent's URL as spans name it, and as Kata's own client does where it can't connect."""

import asyncio
import socket

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.address import address_of
from kata_exporter.agent.types import AgentState
from kata_exporter.sockets import AgentUrl
from kata_exporter.telemetry.hooks import CallInfo, CallTarget, NoWatch
from scripted_agent import scripted_agent

URLS = {
    "vsock://3:1024": "vsock 3:1024",
    "hvsock:///run/vm.sock:1024": "hybrid vsocket /run/vm.sock",
    "remote:///run/peer.sock": "remote sock: /run/peer.sock",
    "remote:///run/peer.sock:1024": "remote sock: /run/peer.sock",
    "unix:///run/agent.sock": "remote sock: /run/agent.sock",
    "mock:///run/odd:7": "remote sock: /run/odd:7",
}


@pytest.mark.parametrize("url", URLS)
def test_address_is_that_of_the_url_when_it_is_parsed(url: str) -> None:
    assert address_of(url) == AgentUrl.parse(url).address


async def silent(deadline: float) -> socket.socket:
    """A dial that hears nothing."""
    await asyncio.Event().wait()
    raise AssertionError(deadline)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("seconds", [5, 300])
async def test_dial_that_took_too_long_has_the_text_of_katas_own_client(
    clock: FakeClock, url: str, seconds: float
) -> None:
    agent = KataAgent(lambda _: silent, url, clock=clock)
    for call, prefix in (
        (agent.get_oom_event, ""),
        (agent.check, "Failed to Check if grpc server is working: "),
    ):
        task = asyncio.create_task(call(deadline=clock.monotonic() + seconds))
        await settle()
        await clock.run_for(30, step=5)
        with pytest.raises(AgentError) as caught:
            await task
        assert caught.value.kata_text == f"{prefix}timed out connecting to {URLS[url]}"
        if seconds > 30:
            break  # the dial's own time has run out, and the client is dead
    await agent.aclose()


async def test_deadline_that_had_passed_is_no_failure_to_connect(clock: FakeClock) -> None:
    agent = KataAgent(lambda _: silent, "vsock://3:1024", clock=clock)
    with pytest.raises(AgentError) as caught:
        await agent.check(deadline=clock.monotonic())

    assert caught.value.kata_text == "CheckRequest timed out"


class Targets:
    """A hook that keeps whom calls are about."""

    def __init__(self) -> None:
        self.targets: list[CallTarget] = []

    def started(self, info: CallInfo) -> NoWatch:
        self.targets.append(info.target)
        return NoWatch()


async def test_target_is_who_has_the_url_also_where_that_comes_later(clock: FakeClock) -> None:
    targets = Targets()
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        agent = KataAgent(scripted.dial_url, clock=clock, hook=targets)
        for url in ("hvsock:///run/vm.sock:1024", "vsock://7:1024"):
            agent.load(AgentState(url))
            await agent.check()
        await agent.aclose()

    assert targets.targets == [CallTarget("/run/vm.sock"), CallTarget("7")]
