"""The agent's RPCs by full name, with their messages, from the descriptors."""

from dataclasses import dataclass

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.ttrpc import Call, Metadata
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES


@dataclass(frozen=True)
class Rpc:
    """One RPC."""

    service: str
    name: str
    request: type[Message]
    response: type[Message]

    @property
    def full_name(self) -> str:
        """As in ``grpc.Health/Check``."""
        return f"{self.service}/{self.name}"

    def call(self, request: Message, metadata: Metadata = ()) -> Call:
        """Return a call whose answer may be as long as the wire carries."""
        payload = request.SerializeToString()
        return Call(self.service, self.name, payload, MAX_MESSAGE_BYTES, metadata)


RPCS = {
    f"{service.full_name}/{method.name}": Rpc(
        service.full_name,
        method.name,
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
    )
    for service in (
        health_pb2.DESCRIPTOR.services_by_name["Health"],
        agent_pb2.DESCRIPTOR.services_by_name["AgentService"],
    )
    for method in service.methods
}
