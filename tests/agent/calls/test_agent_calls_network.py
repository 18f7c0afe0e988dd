"""Interfaces that come late are tried again; routes that are None aren't sent."""

import asyncio
import random
from itertools import pairwise

import pytest

from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import types_pb2
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.calls.network import INTERFACE_TRIES
from kata_exporter.agent.types import Interface, IPAddress, Route
from kata_exporter.errors import ArgumentError, Reason
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

UPDATE = "grpc.AgentService/UpdateInterface"
ETH0 = Interface("eth0", hw_addr="02:00:00:00:00:01")
NOT_FOUND = StatusError(Code.INTERNAL, '"Link not found (Address: 02:00:00:00:00:01)"')


class LateDevice:
    """A guest that finds the device at the nth try."""

    def __init__(self, clock: FakeClock, tries: int) -> None:
        self._clock = clock
        self._tries = tries
        self.asked_at: list[float] = []

    async def __call__(self) -> bytes:
        self.asked_at.append(self._clock.monotonic())
        if len(self.asked_at) < self._tries:
            raise NOT_FOUND
        return types_pb2.Interface(name="eth0").SerializeToString()


@pytest.fixture(autouse=True)
def _half_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.5)


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    return KataAgent(scripted.dial_url, "mock:///a", clock=clock)


def pauses_of(count: int) -> list[float]:
    return [0.02 * 2**n + 0.05 for n in range(count)]


def between(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


async def run(clock: FakeClock, task: asyncio.Task[Interface]) -> None:
    """Move time to the next timer, until the task has ended."""
    while not task.done():
        await settle()
        clock.advance(0.01)


async def test_update_interface_tries_again_while_the_device_is_not_there(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[UPDATE] = device = LateDevice(clock, 5)
        agent = agent_of(scripted, clock)
        task = asyncio.create_task(agent.update_interface(ETH0))
        await run(clock, task)

        assert task.result() == Interface("eth0")
        assert between(device.asked_at) == [pytest.approx(each, abs=0.02) for each in pauses_of(4)]
        await agent.aclose()


async def test_update_interface_gives_up_after_the_last_try_with_its_error(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    async with scripted_agent(clock) as scripted:
        scripted.answers[UPDATE] = NOT_FOUND
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError, match="Link not found"):
            await agent.update_interface(ETH0)

        assert len(scripted.asked) == INTERFACE_TRIES == 20
        assert slept == [pytest.approx(each) for each in pauses_of(19)]
        assert {request.timeout_ns for request in scripted.asked} == {59_900_000_000}
        await agent.aclose()


async def test_update_interface_does_not_try_again_after_another_error(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[UPDATE] = StatusError(Code.INTERNAL, "no such address family")
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError):
            await agent.update_interface(ETH0)

        assert len(scripted.asked) == 1
        await agent.aclose()


async def test_update_interface_can_be_cancelled_in_its_pause(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[UPDATE] = NOT_FOUND
        agent = agent_of(scripted, clock)
        task = asyncio.create_task(agent.update_interface(ETH0))
        await settle()
        assert (len(scripted.asked), clock.pending) == (1, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert clock.pending == 0
        assert agent.alive
        await agent.aclose()


async def test_update_interface_does_not_pause_past_its_deadline(clock: FakeClock) -> None:
    """What the guest said last is what the caller gets, and at once."""
    async with scripted_agent(clock) as scripted:
        scripted.answers[UPDATE] = NOT_FOUND
        agent = agent_of(scripted, clock)
        ends = clock.monotonic() + 1
        task = asyncio.create_task(agent.update_interface(ETH0, deadline=ends))
        await run(clock, task)

        with pytest.raises(AgentError, match="Link not found") as caught:
            task.result()
        assert caught.value.reason is Reason.AGENT_ERROR
        assert clock.monotonic() < ends
        assert len(scripted.asked) == 6  # pauses of 0.87 s in all; the next is one of 0.69 s
        await agent.aclose()


async def test_update_routes_without_a_list_asks_nothing_and_an_empty_one_is_sent(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/UpdateRoutes"] = b""
        agent = agent_of(scripted, clock)
        assert await agent.update_routes(None) is None
        assert scripted.dials == 0

        assert await agent.update_routes([]) == ()
        request = pb.UpdateRoutesRequest.FromString(scripted.asked[0].payload)
        assert request.HasField("routes")
        await agent.aclose()


async def test_family_that_is_none_is_a_protocol_error(clock: FakeClock) -> None:
    """An enum of proto3 takes any number from the wire."""
    answer = pb.Routes(Routes=[types_pb2.Route(family=7)])  # type: ignore[arg-type]  # on purpose
    interfaces = pb.Interfaces(
        Interfaces=[types_pb2.Interface(IPAddresses=[types_pb2.IPAddress(family=7)])]  # type: ignore[arg-type]  # on purpose
    )
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/ListRoutes"] = answer.SerializeToString()
        scripted.answers["grpc.AgentService/UpdateRoutes"] = answer.SerializeToString()
        scripted.answers["grpc.AgentService/ListInterfaces"] = interfaces.SerializeToString()
        agent = agent_of(scripted, clock)
        for method, call in (
            ("ListRoutes", agent.list_routes()),
            ("UpdateRoutes", agent.update_routes([])),
            ("ListInterfaces", agent.list_interfaces()),
        ):
            with pytest.raises(AgentError, match="is 7, which has no name") as caught:
                await call
            assert caught.value.method == f"grpc.AgentService/{method}"
            assert caught.value.reason is Reason.PROTOCOL_ERROR
        await agent.aclose()


async def test_bad_arguments_are_named_before_anything_is_sent(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        bad = Interface(ip_addresses=(IPAddress("10.0.0.1"), IPAddress("\ud800")))
        for argument, call in (
            ("interface.ip_addresses[1].address", agent.update_interface(bad)),
            ("routes[1].mtu_bytes", agent.update_routes([Route(), Route(mtu_bytes=-1)])),
            ("data", agent.set_ip_tables("*filter")),  # type: ignore[arg-type]  # on purpose
        ):
            with pytest.raises(ArgumentError) as caught:
                await call
            assert caught.value.argument == argument

    assert scripted.dials == 0
