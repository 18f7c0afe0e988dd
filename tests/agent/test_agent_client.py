"""Each method against the answers of a real agent, and what a call may cost in time and bytes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import captured
from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.methods import CHECK_SECONDS, DEFAULT_SECONDS
from kata_exporter.agent.types import AgentVersion, GuestDetails
from kata_exporter.errors import Reason
from kata_exporter.model import Container
from kata_exporter.telemetry.hooks import CallTarget
from scripted_agent import scripted_agent

CONTAINER = Container("ctr-one", "app")
Calls = dict[str, Callable[[KataAgent], Awaitable[object]]]
CALLS: Calls = {
    "grpc.Health/Check": lambda agent: agent.check(),
    "grpc.Health/Version": lambda agent: agent.version(),
    "grpc.AgentService/GetMetrics": lambda agent: agent.get_agent_metrics(),
    "grpc.AgentService/StatsContainer": lambda agent: agent.stats_container(CONTAINER),
    "grpc.AgentService/GetGuestDetails": lambda agent: agent.get_guest_details(),
    "grpc.AgentService/GetOOMEvent": lambda agent: agent.get_oom_event(),
}


def agent_of(dial: object, clock: FakeClock) -> KataAgent:
    return KataAgent(dial, target=CallTarget("/run/a.sock"), clock=clock)  # type: ignore[arg-type]  # a scripted dial


async def test_check_is_content_with_any_health(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted.dial, clock)
        for payload in (captured.CHECK, b"", bytes.fromhex("0802"), bytes.fromhex("0863")):
            scripted.answers["grpc.Health/Check"] = payload
            await agent.check()

        (request, *_) = scripted.asked
        assert health_pb2.CheckRequest.FromString(request.payload).service == ""
        await agent.aclose()


async def test_version_is_the_agents(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Version"] = captured.VERSION
        agent = agent_of(scripted.dial, clock)

        assert await agent.version() == AgentVersion("0.0.1", "4.1.0")
        await agent.aclose()


async def test_guest_details_are_the_agents(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetGuestDetails"] = captured.GUEST_DETAILS
        agent = agent_of(scripted.dial, clock)

        assert await agent.get_guest_details() == GuestDetails(
            mem_block_size_bytes=134217728,
            support_mem_hotplug_probe=False,
            agent_version="4.1.0",
            init_daemon=True,
            supports_seccomp=False,
            device_handlers=(),
            storage_handlers=(
                *("ephemeral", "erofs.multi-layer", "blk", "virtio-fs", "mmioblk", "overlayfs"),
                *("scsi", "watchable-bind", "image_guest_pull", "nvdimm", "local"),
            ),
            extra_features=(),
        )
        (request,) = scripted.asked
        asked = agent_pb2.GuestDetailsRequest.FromString(request.payload)
        assert (asked.mem_block_size, asked.mem_hotplug_probe) == (True, True)
        await agent.aclose()


@pytest.mark.parametrize("name", captured.METRICS)
async def test_metrics_are_the_text_as_it_stood(clock: FakeClock, name: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetMetrics"] = captured.metrics(name)
        agent = agent_of(scripted.dial, clock)

        assert await agent.get_agent_metrics() == captured.metrics_text(name)
        await agent.aclose()


@pytest.mark.parametrize("name", captured.STATS)
async def test_statistics_are_those_of_the_container_that_was_asked_for(
    clock: FakeClock, name: str
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/StatsContainer"] = captured.stats(name)
        agent = agent_of(scripted.dial, clock)

        stats = await agent.stats_container(CONTAINER)

        usage = captured.stats_json(name)["cpuStats"]["cpuUsage"]["totalUsage"]
        assert stats.cpu is not None
        assert stats.cpu.usage_ns == int(usage)
        (request,) = scripted.asked
        asked = agent_pb2.StatsContainerRequest.FromString(request.payload)
        assert asked.container_id == "ctr-one"
        await agent.aclose()


@pytest.mark.parametrize(("method", "call"), CALLS.items())
async def test_each_call_is_one_request_of_its_own_method(
    clock: FakeClock, method: str, call: Callable[[KataAgent], Awaitable[object]]
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[method] = b""
        agent = agent_of(scripted.dial, clock)
        await call(agent)

        assert scripted.methods == [method]
        await agent.aclose()


@pytest.mark.parametrize(("method", "call"), CALLS.items())
async def test_answer_that_is_no_such_message_is_a_protocol_error(
    clock: FakeClock, method: str, call: Callable[[KataAgent], Awaitable[object]]
) -> None:
    """The connection is kept: the frame was right, and the next answer may be."""
    async with scripted_agent(clock) as scripted:
        scripted.answers[method] = b"\xff\xff"
        agent = agent_of(scripted.dial, clock)
        with pytest.raises(AgentError) as caught:
            await call(agent)

        assert caught.value.reason is Reason.PROTOCOL_ERROR
        assert caught.value.method == method
        assert agent.alive
        await agent.aclose()


async def test_text_that_is_no_utf8_is_a_protocol_error(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetMetrics"] = b"\x0a\x02a\xff"
        agent = agent_of(scripted.dial, clock)
        with pytest.raises(AgentError, match="answer is no Metrics"):
            await agent.get_agent_metrics()
        await agent.aclose()


@pytest.mark.parametrize(
    ("method", "cap_bytes"),
    [
        ("grpc.Health/Check", 4 << 10),
        ("grpc.Health/Version", 4 << 10),
        ("grpc.AgentService/GetMetrics", 1 << 20),
        ("grpc.AgentService/StatsContainer", 256 << 10),
        ("grpc.AgentService/GetGuestDetails", 64 << 10),
        ("grpc.AgentService/GetOOMEvent", 4 << 10),
    ],
)
async def test_answer_of_exactly_the_cap_passes_and_a_byte_more_is_too_large(
    clock: FakeClock, method: str, cap_bytes: int
) -> None:
    most = _unknown_field(cap_bytes)
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted.dial, clock)
        scripted.answers[method] = most
        await CALLS[method](agent)

        scripted.answers[method] = most + b"\x00"
        with pytest.raises(AgentError) as caught:
            await CALLS[method](agent)
        assert caught.value.reason is Reason.TOO_LARGE
        await agent.aclose()


def _unknown_field(size: int) -> bytes:
    """Return `size` bytes that every message takes: a field that none of them has."""
    length = size - 5
    varint = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14 & 0x7F | 0x80, 0])
    return b"\x7a" + varint + b"x" * length


@pytest.mark.parametrize(
    ("method", "seconds"),
    [
        ("grpc.Health/Check", CHECK_SECONDS),
        ("grpc.Health/Version", DEFAULT_SECONDS),
        ("grpc.AgentService/GetMetrics", DEFAULT_SECONDS),
        ("grpc.AgentService/StatsContainer", DEFAULT_SECONDS),
        ("grpc.AgentService/GetGuestDetails", DEFAULT_SECONDS),
    ],
)
async def test_timeout_of_katas_own_client_holds_where_no_deadline_is_given(
    clock: FakeClock, method: str, seconds: float
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[method] = b""
        agent = agent_of(scripted.dial, clock)
        await CALLS[method](agent)

        assert scripted.asked[0].timeout_ns == pytest.approx((seconds - 0.1) * 1e9)
        await agent.aclose()


async def test_deadline_that_is_given_holds(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        agent = agent_of(scripted.dial, clock)
        await agent.check(deadline=clock.monotonic() + 2)

        assert scripted.asked[0].timeout_ns == pytest.approx(1.9e9)
        await agent.aclose()


async def test_calls_share_one_connection_and_a_dead_one_is_not_replaced(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        agent = agent_of(scripted.dial, clock)
        await asyncio.gather(*(agent.check() for _ in range(5)))
        assert scripted.dials == 1
        await agent.aclose()

        with pytest.raises(AgentError) as caught:
            await agent.check()
        assert caught.value.reason is Reason.CLOSED
        assert not agent.alive
        assert scripted.dials == 1


async def test_closing_ends_calls_and_waits_under_way(clock: FakeClock) -> None:
    async def never() -> bytes:
        await asyncio.Event().wait()
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = never
        scripted.answers["grpc.AgentService/GetOOMEvent"] = never
        agent = agent_of(scripted.dial, clock)
        tasks = [asyncio.ensure_future(call) for call in (agent.check(), agent.get_oom_event())]
        await settle()
        assert scripted.connections == 2

        await agent.aclose()
        for task in tasks:
            with pytest.raises(AgentError) as caught:
                await task
            assert caught.value.reason is Reason.CLOSED
    assert scripted.connections == 0
