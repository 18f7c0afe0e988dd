"""Lists that a guest makes as long as its answer may be: refused before they are translated."""

from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.message import Message

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2, types_pb2
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.errors import MAX_ELEMENTS
from kata_exporter.agent.methods import METHODS
from kata_exporter.agent.types import Interface
from kata_exporter.errors import Reason
from scripted_agent import scripted_agent

Call = Callable[[KataAgent], Awaitable[object]]
CASES: dict[str, tuple[Call, Callable[[int], Message]]] = {
    "ListInterfaces": (
        lambda agent: agent.list_interfaces(),
        lambda count: pb.Interfaces(Interfaces=[types_pb2.Interface()] * count),
    ),
    "ListRoutes": (
        lambda agent: agent.list_routes(),
        lambda count: pb.Routes(Routes=[types_pb2.Route()] * count),
    ),
    "UpdateRoutes": (
        lambda agent: agent.update_routes([]),
        lambda count: pb.Routes(Routes=[types_pb2.Route()] * count),
    ),
    "UpdateInterface": (
        lambda agent: agent.update_interface(Interface("eth0")),
        lambda count: types_pb2.Interface(IPAddresses=[types_pb2.IPAddress()] * count),
    ),
    "GetVolumeStats": (
        lambda agent: agent.get_volume_stats("/run/v"),
        lambda count: csi_pb2.VolumeStatsResponse(usage=[csi_pb2.VolumeUsage()] * count),
    ),
}
EACH = pytest.mark.parametrize("rpc", CASES)


@EACH
async def test_list_of_the_most_is_read_and_one_more_is_refused(clock: FakeClock, rpc: str) -> None:
    call, message_of = CASES[rpc]
    async with scripted_agent(clock) as scripted:
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        answers = scripted.answers
        answers[f"grpc.AgentService/{rpc}"] = message_of(MAX_ELEMENTS).SerializeToString()
        await call(agent)

        answers[f"grpc.AgentService/{rpc}"] = message_of(MAX_ELEMENTS + 1).SerializeToString()
        with pytest.raises(AgentError, match="answer lists 4097 elements, over 4096") as caught:
            await call(agent)
        assert (caught.value.reason, agent.alive) == (Reason.PROTOCOL_ERROR, True)
        await agent.aclose()


async def test_addresses_count_with_their_interfaces(clock: FakeClock) -> None:
    interface = types_pb2.Interface(IPAddresses=[types_pb2.IPAddress()] * 2048)
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/ListInterfaces"] = pb.Interfaces(
            Interfaces=[interface, interface]
        ).SerializeToString()
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        with pytest.raises(AgentError, match="answer lists 4098 elements"):
            await agent.list_interfaces()
        await agent.aclose()


@EACH
def test_answer_that_is_a_list_is_of_64_kib_at_most(rpc: str) -> None:
    (method,) = (method for method in METHODS if method.name == rpc)

    assert method.cap_bytes == 64 << 10
