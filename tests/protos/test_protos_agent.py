"""The agent's services as our .proto files have them: complete, and under the names of the wire."""

from kata_exporter._pb import agent_pb2, csi_pb2, health_pb2, oci_pb2, types_pb2
from kata_exporter.simulator.agent.versions import _METHODS, NEWEST, OLDEST

SERVICE = agent_pb2.DESCRIPTOR.services_by_name["AgentService"]


def test_service_has_every_method_of_the_newest_agent_and_the_listing_of_the_oldest() -> None:
    served = {name for name in _METHODS if NEWEST.serves(name)}

    assert {method.name for method in SERVICE.methods} == served | {"ListProcesses"}
    assert OLDEST.serves("ListProcesses")
    assert not NEWEST.serves("ListProcesses")


def test_services_and_messages_have_the_names_of_the_wire() -> None:
    assert SERVICE.full_name == "grpc.AgentService"
    assert health_pb2.DESCRIPTOR.services_by_name["Health"].full_name == "grpc.Health"
    assert oci_pb2.Spec.DESCRIPTOR.full_name == "grpc.Spec"
    assert csi_pb2.VolumeStatsResponse.DESCRIPTOR.full_name == "grpc.VolumeStatsResponse"
    assert SERVICE.methods_by_name["UpdateInterface"].output_type is types_pb2.Interface.DESCRIPTOR
    assert types_pb2.Interface.DESCRIPTOR.full_name == "types.Interface"
    assert SERVICE.methods_by_name["SetPolicy"].output_type.full_name == "google.protobuf.Empty"


def test_every_call_is_unary() -> None:
    methods = (*SERVICE.methods, *health_pb2.DESCRIPTOR.services_by_name["Health"].methods)

    assert not [m.name for m in methods if m.client_streaming or m.server_streaming]


def test_numbers_that_the_wire_skips_are_skipped() -> None:
    assert agent_pb2.ReseedRandomDevRequest(data=b"x").SerializeToString() == b"\x12\x01x"
    assert agent_pb2.FSGroup(group_id=1).SerializeToString() == b"\x10\x01"
    assert agent_pb2.FSGroup(group_change_policy=types_pb2.OnRootMismatch).SerializeToString() == (
        b"\x18\x01"
    )


def test_what_is_absent_is_told_from_what_is_zero() -> None:
    assert not agent_pb2.MemAgentMemcgConfig().HasField("disabled")
    assert agent_pb2.MemAgentMemcgConfig(disabled=False).HasField("disabled")
    assert oci_pb2.LinuxSyscall().WhichOneof("ErrnoRet") is None
    assert oci_pb2.LinuxSyscall(errnoret=0).WhichOneof("ErrnoRet") == "errnoret"
