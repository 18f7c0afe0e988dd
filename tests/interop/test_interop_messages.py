"""Every RPC of both services with every field set, read and written by libraries that aren't ours."""

import pytest
from google.protobuf.message import Message

from filled_message import filled
from kata_exporter._pb import agent_pb2, oci_pb2
from kata_exporter.ttrpc import Client
from rpcs import RPCS, Rpc
from server_peer import ServerPeer

pytestmark = pytest.mark.real

EVERY_RPC = pytest.mark.parametrize("rpc", RPCS.values(), ids=RPCS)
FEW_FIELDS = {
    "grpc.AgentService/MemAgentMemcgSet": agent_pb2.MemAgentMemcgConfig(disabled=False, swap=False),
    "grpc.AgentService/MemAgentCompactSet": agent_pb2.MemAgentCompactConfig(compact_sec_max=0),
    "grpc.AgentService/CreateContainer": agent_pb2.CreateContainerRequest(
        OCI=oci_pb2.Spec(
            Process=oci_pb2.Process(),
            Linux=oci_pb2.Linux(
                Seccomp=oci_pb2.LinuxSeccomp(Syscalls=[oci_pb2.LinuxSyscall(errnoret=0)])
            ),
        )
    ),
}
"""Where a default value that was set isn't the same as none."""


async def call(client: Client, rpc: Rpc, request: Message) -> Message:
    return rpc.response.FromString(await client.call(rpc.call(request), deadline=None))


@EVERY_RPC
async def test_every_field_arrives_at_a_server_and_comes_back(
    peer: ServerPeer, client: Client, rpc: Rpc
) -> None:
    request, response = filled(rpc.request), filled(rpc.response)
    peer.script(rpc.full_name, response)

    answer = await call(client, rpc, request)

    (asked,) = peer.recorded()
    assert (asked.method, asked.request) == (rpc.full_name, request)
    assert answer == response


@pytest.mark.parametrize(("method", "request_"), FEW_FIELDS.items(), ids=FEW_FIELDS)
async def test_what_is_set_to_its_default_arrives_at_a_server_as_set(
    peer: ServerPeer, client: Client, method: str, request_: Message
) -> None:
    await call(client, RPCS[method], request_)

    assert [asked.request for asked in peer.recorded()] == [request_]


async def test_empty_messages_arrive_at_a_server_and_come_back(
    peer: ServerPeer, client: Client
) -> None:
    answers = [await call(client, rpc, rpc.request()) for rpc in RPCS.values()]

    assert answers == [rpc.response() for rpc in RPCS.values()]
    assert [(asked.method, asked.request) for asked in peer.recorded()] == [
        (rpc.full_name, rpc.request()) for rpc in RPCS.values()
    ]
