"""A simulated agent answers as a real one does, errors included."""

import asyncio

import pytest
from google.protobuf.message import Message

import captured
from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.simulator import SimulatedAgent, SimulatedGuest
from kata_exporter.simulator.faults import make_fault
from kata_exporter.ttrpc import ServerRequest, StatusError

AGENT = "grpc.AgentService"
OOM = ServerRequest(AGENT, "GetOOMEvent", b"")


@pytest.fixture
def agent(clock: FakeClock) -> SimulatedAgent:
    guest = SimulatedGuest(clock, sandbox_id="demo-1", container_ids=["c1", "c2"], seed=1)
    return SimulatedAgent(guest, clock)


async def ask(agent: SimulatedAgent, method: str, message: Message, service: str = AGENT) -> bytes:
    return await agent.handle(ServerRequest(service, method, message.SerializeToString()))


async def test_health_version_and_details_are_those_of_a_real_agent(agent: SimulatedAgent) -> None:
    check = await ask(agent, "Check", health_pb2.CheckRequest(), "grpc.Health")
    version = await ask(agent, "Version", health_pb2.CheckRequest(), "grpc.Health")
    request = agent_pb2.GuestDetailsRequest(mem_block_size=True, mem_hotplug_probe=True)
    details = await ask(agent, "GetGuestDetails", request)

    assert (check, version, details) == (
        captured.CHECK,
        captured.VERSION,
        captured.GUEST_DETAILS,
    )


async def test_every_scrape_is_counted(agent: SimulatedAgent) -> None:
    for times in (1, 2):
        payload = await ask(agent, "GetMetrics", agent_pb2.GetMetricsRequest())
        text = agent_pb2.Metrics.FromString(payload).metrics
        assert f"kata_agent_scrape_count {times}\n" in text


async def test_statistics_of_a_container_and_of_the_pause_container(agent: SimulatedAgent) -> None:
    for container_id in ("c1", "demo-1"):
        request = agent_pb2.StatsContainerRequest(container_id=container_id)
        payload = await ask(agent, "StatsContainer", request)
        stats = agent_pb2.StatsContainerResponse.FromString(payload)
        assert stats.cgroup_stats.memory_stats.usage.usage > 0


@pytest.mark.parametrize(
    ("name", "service", "method", "payload"),
    [
        ("stats_unknown_container", AGENT, "StatsContainer", b"\x0a\x04none"),
        ("stats_empty_id", AGENT, "StatsContainer", b""),
        ("unknown_method", AGENT, "NoSuch", b""),
        ("unknown_service", "x.Y", "Check", b""),
        ("bad_payload", AGENT, "GetMetrics", b"\xff"),
    ],
)
async def test_errors_are_a_real_agents(
    agent: SimulatedAgent, name: str, service: str, method: str, payload: bytes
) -> None:
    with pytest.raises(StatusError) as caught:
        await agent.handle(ServerRequest(service, method, payload))

    assert (caught.value.code, caught.value.message) == captured.error(name)


@pytest.mark.parametrize("kills", [1, 2, 4])
async def test_a_container_gives_one_event_however_often_it_is_killed(
    agent: SimulatedAgent, kills: int
) -> None:
    for _ in range(kills):
        agent.kill_for_memory("c1")

    assert agent_pb2.OOMEvent.FromString(await agent.handle(OOM)).container_id == "c1"
    second = asyncio.create_task(agent.handle(OOM))
    await settle()
    assert not second.done()
    second.cancel()
    payload = await ask(agent, "GetMetrics", agent_pb2.GetMetricsRequest())
    assert f'{{item="oom_kill"}} {kills}\n' in agent_pb2.Metrics.FromString(payload).metrics


async def test_the_pause_container_gives_no_event(agent: SimulatedAgent) -> None:
    agent.kill_for_memory("demo-1")

    waiter = asyncio.create_task(agent.handle(OOM))
    await settle()
    assert not waiter.done()
    waiter.cancel()


async def test_an_event_goes_to_one_waiter_the_one_that_waits_longest(
    agent: SimulatedAgent,
) -> None:
    first, second = asyncio.create_task(agent.handle(OOM)), asyncio.create_task(agent.handle(OOM))
    await settle()

    agent.kill_for_memory("c1")
    await settle()

    assert (first.done(), second.done()) == (True, False)
    agent.kill_for_memory("c2")
    assert agent_pb2.OOMEvent.FromString(await second).container_id == "c2"


async def test_a_waiter_that_goes_away_loses_no_event(agent: SimulatedAgent) -> None:
    """The queue is as it was: the event waits for the next."""
    waiter = asyncio.create_task(agent.handle(OOM))
    await settle()
    waiter.cancel()
    await asyncio.wait([waiter])

    agent.kill_for_memory("c1")

    assert agent_pb2.OOMEvent.FromString(await agent.handle(OOM)).container_id == "c1"


async def test_a_fault_of_the_answer_holds_until_it_is_switched_off(
    agent: SimulatedAgent, clock: FakeClock
) -> None:
    agent.suffer(make_fault("no-answer", clock))
    asked = asyncio.create_task(ask(agent, "Check", health_pb2.CheckRequest(), "grpc.Health"))
    await settle()
    assert not asked.done()

    agent.suffer(make_fault("status-internal", clock))

    assert await asked == b"\x08\x01"
    with pytest.raises(StatusError):
        await ask(agent, "Check", health_pb2.CheckRequest(), "grpc.Health")


async def test_requests_are_told_before_anything_comes_of_them(clock: FakeClock) -> None:
    seen: list[ServerRequest] = []
    guest = SimulatedGuest(clock, sandbox_id="demo-1", container_ids=["c1"], seed=1)
    agent = SimulatedAgent(guest, clock, on_request=seen.append)

    with pytest.raises(StatusError):
        await agent.handle(ServerRequest("x.Y", "Z", b"", 5, (("k", "v"),)))

    assert seen == [ServerRequest("x.Y", "Z", b"", 5, (("k", "v"),))]
