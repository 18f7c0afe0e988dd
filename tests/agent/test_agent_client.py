"""Each method of the client on the wire: its requests, its answer, what it may cost, what it refuses."""

import uuid

import pytest

import captured
from agent_call import CONTAINER, EXEC_ID, AgentCall
from agent_calls import AGENT_CALLS
from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.caller import Timeouts
from kata_exporter.agent.calls.process import READ_OVERHEAD_BYTES
from kata_exporter.agent.catalog import CATALOG
from kata_exporter.agent.methods import METHOD_OF, METHODS, TimeoutClass
from kata_exporter.agent.types import ARPNeighbor, IPAddress
from kata_exporter.errors import Reason
from kata_exporter.telemetry.hooks import CallTarget
from scripted_agent import ScriptedAgent, scripted_agent

CALLS = pytest.mark.parametrize("call", AGENT_CALLS.values(), ids=AGENT_CALLS)
ONE_RPC = {name: call for name, call in AGENT_CALLS.items() if len(call.requests) == 1}
ONE_CALLS = pytest.mark.parametrize("call", ONE_RPC.values(), ids=ONE_RPC)


@pytest.fixture(autouse=True)
def _fixed_exec_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(EXEC_ID))


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    target = CallTarget("/run/a.sock")
    return KataAgent(scripted.dial_url, "unix:///run/a.sock", target=target, clock=clock)


def answer_as(scripted: ScriptedAgent, call: AgentCall) -> None:
    for rpc in call.rpcs:
        scripted.answers[rpc] = call.answer(rpc).SerializeToString()


@CALLS
async def test_each_method_sends_its_requests_and_reads_its_answer(
    clock: FakeClock, call: AgentCall
) -> None:
    async with scripted_agent(clock) as scripted:
        answer_as(scripted, call)
        agent = agent_of(scripted, clock)

        assert await call.call(agent) == call.result
        sent = [
            (name, METHOD_OF[name].request.FromString(request.payload))
            for name, request in zip(scripted.methods, scripted.asked, strict=True)
        ]
        assert sent == list(call.requests)
        await agent.aclose()


def test_every_method_that_asks_is_called_here() -> None:
    asking = {entry.name for entries in CATALOG.values() for entry in entries if entry.rpcs}

    assert set(AGENT_CALLS) == asking


def test_every_rpc_is_sent_by_some_method() -> None:
    sent = {rpc for call in AGENT_CALLS.values() for rpc in call.rpcs}

    assert sent == {method.full_name for method in METHODS}


@CALLS
async def test_time_that_the_guest_is_given_is_that_of_the_class(
    clock: FakeClock, call: AgentCall
) -> None:
    async with scripted_agent(clock) as scripted:
        answer_as(scripted, call)
        agent = agent_of(scripted, clock)
        await call.call(agent)

        seconds = [Timeouts().of(METHOD_OF[rpc].timeout) for rpc in call.rpcs]
        expected = [0 if given is None else pytest.approx((given - 0.1) * 1e9) for given in seconds]
        assert [request.timeout_ns for request in scripted.asked] == expected
        await agent.aclose()


def test_classes_are_those_of_katas_own_client() -> None:
    by_class = {
        timeout: {method.name for method in METHODS if method.timeout is timeout}
        for timeout in TimeoutClass
    }

    assert by_class[TimeoutClass.CHECK] == {"Check"}
    assert by_class[TimeoutClass.CREATE_CONTAINER] == {"CreateContainer"}
    assert by_class[TimeoutClass.NONE] == {
        *("WaitProcess", "GetOOMEvent", "ReadStdout", "ReadStderr")
    }
    usual = Timeouts()
    assert usual == Timeouts(30, 60, 60, 300)
    assert usual.for_remote() == Timeouts(30, 60, 300, 300)


@ONE_CALLS
async def test_answer_that_is_no_such_message_is_a_protocol_error(
    clock: FakeClock, call: AgentCall
) -> None:
    """The connection is kept: the frame was right, and the next answer may be."""
    (rpc,) = call.rpcs
    async with scripted_agent(clock) as scripted:
        scripted.answers[rpc] = b"\xff\xff"
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError, match="answer is no") as caught:
            await call.call(agent)

        assert (caught.value.reason, caught.value.method) == (Reason.PROTOCOL_ERROR, rpc)
        assert agent.alive
        await agent.aclose()


@ONE_CALLS
async def test_answer_of_exactly_the_cap_passes_and_a_byte_more_is_too_large(
    clock: FakeClock, call: AgentCall
) -> None:
    ((rpc, request),) = call.requests
    cap_bytes = METHOD_OF[rpc].cap_bytes
    if isinstance(request, pb.ReadStreamRequest):
        cap_bytes = request.len + READ_OVERHEAD_BYTES
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        scripted.answers[rpc] = _unknown_field(cap_bytes)
        await call.call(agent)

        scripted.answers[rpc] = _unknown_field(cap_bytes) + b"\x00"
        with pytest.raises(AgentError) as caught:
            await call.call(agent)
        assert caught.value.reason is Reason.TOO_LARGE
        await agent.aclose()


def _unknown_field(size: int) -> bytes:
    """Return `size` bytes that every message takes: a field that none of them has."""
    length = size - 7
    varint = bytes([*(length >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)), 0])
    return b"\xfa\x7f" + varint + b"x" * length


@CALLS
async def test_error_of_an_agent_reaches_the_caller_of_each_method(
    clock: FakeClock, call: AgentCall
) -> None:
    """The script has no answer: the first request is refused as an unknown method."""
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await call.call(agent)

        assert (caught.value.reason, caught.value.from_agent) == (Reason.UNSUPPORTED, True)
        assert scripted.methods == call.rpcs[:1]
        await agent.aclose()


async def test_check_is_content_with_any_health(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        for payload in (captured.CHECK, b"", bytes.fromhex("0802"), bytes.fromhex("0863")):
            scripted.answers["grpc.Health/Check"] = payload
            await agent.check()
        await agent.aclose()


async def test_version_and_details_of_a_real_agent(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Version"] = captured.VERSION
        scripted.answers["grpc.AgentService/GetGuestDetails"] = captured.GUEST_DETAILS
        agent = agent_of(scripted, clock)

        assert (await agent.version()).agent_version == "4.1.0"
        details = await agent.get_guest_details()
        assert (details.mem_block_size_bytes, details.init_daemon) == (134217728, True)
        assert details.storage_handlers[:2] == ("ephemeral", "erofs.multi-layer")
        assert len(details.storage_handlers) == 11
        await agent.aclose()


@pytest.mark.parametrize("name", captured.METRICS)
async def test_metrics_are_the_text_as_it_stood(clock: FakeClock, name: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetMetrics"] = captured.metrics(name)
        agent = agent_of(scripted, clock)

        assert await agent.get_agent_metrics() == captured.metrics_text(name)
        await agent.aclose()


@pytest.mark.parametrize("name", captured.STATS)
async def test_statistics_of_a_real_container(clock: FakeClock, name: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/StatsContainer"] = captured.stats(name)
        agent = agent_of(scripted, clock)

        stats = await agent.stats_container(CONTAINER)

        usage = captured.stats_json(name)["cpuStats"]["cpuUsage"]["totalUsage"]
        assert stats.cpu is not None
        assert stats.cpu.usage_ns == int(usage)
        await agent.aclose()


async def test_text_that_is_no_utf8_is_a_protocol_error(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetMetrics"] = b"\x0a\x02a\xff"
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError, match="answer is no Metrics"):
            await agent.get_agent_metrics()
        await agent.aclose()


async def test_deadline_that_is_given_holds(clock: FakeClock) -> None:
    """Over the class's as well as under it."""
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        agent = agent_of(scripted, clock)
        await agent.check(deadline=clock.monotonic() + 2)
        await agent.check(deadline=clock.monotonic() + 200)

        seconds = [request.timeout_ns / 1e9 for request in scripted.asked]
        assert seconds == [pytest.approx(1.9), pytest.approx(199.9)]
        await agent.aclose()


async def test_request_over_what_ttrpc_carries_is_not_sent(clock: FakeClock) -> None:
    """What is made of many arguments is measured when it is whole."""
    neighbors = [ARPNeighbor(IPAddress("10.0.0.1"), lladdr="x" * (1 << 20))] * 4
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await agent.add_arp_neighbors(neighbors)

        assert caught.value.reason is Reason.TOO_LARGE
        assert scripted.asked == []
        await agent.aclose()
