"""What a call of the client is to an agent: one of them, with its requests, answers and result."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from kata_exporter.agent import KataAgent
from kata_exporter.model import Container

EXEC_ID = "11111111-2222-4333-8444-555555555555"
"""What a test has `uuid.uuid4` give."""

STARTED_AT = datetime.fromtimestamp(1_800_000_000, UTC)
"""The time of `FakeClock`."""

CONTAINER = Container("ctr-one", "app")
SOURCE = Path(__file__).parent / "empty_file"


@dataclass(frozen=True)
class AgentCall:
    """A call, its requests in order, and its answers by full name; where there is none: empty."""

    method: str
    call: Callable[[KataAgent], Awaitable[object]]
    requests: tuple[tuple[str, Message], ...]
    answers: Mapping[str, Message] = field(default_factory=dict)
    result: object = None

    @property
    def rpcs(self) -> list[str]:
        """The full names of its RPCs, in order."""
        return [name for name, _ in self.requests]

    def answer(self, rpc: str) -> Message:
        """Return the answer to an RPC."""
        return self.answers.get(rpc, Empty())


def one(
    method: str,
    call: Callable[[KataAgent], Awaitable[object]],
    rpc: str,
    request: Message,
    answer: Message | None = None,
    result: object = None,
) -> AgentCall:
    name = rpc if "/" in rpc else f"grpc.AgentService/{rpc}"
    return AgentCall(method, call, ((name, request),), {name: answer or Empty()}, result)


def of_container(method: str, rpc: str, request: type[Message]) -> AgentCall:
    return one(
        method,
        lambda agent: getattr(agent, method)(CONTAINER),
        rpc,
        request(container_id="ctr-one"),
    )
