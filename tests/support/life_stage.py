"""Agents that a sandbox's life is played on: a peer that is told what to answer, or a simulated one."""

from collections.abc import Sequence
from typing import Protocol

from google.protobuf.message import Message

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator import SimulatedSandbox, Victim
from kata_exporter.sockets import AgentUrl, Dialer
from kata_exporter.ttrpc import Code, Dial, ServerRequest
from server_peer import ServerPeer

_AGENT = "grpc.AgentService"


class Stage(Protocol):
    """An agent, and what can be done to it from behind."""

    @property
    def dial(self) -> Dial:
        """The way to it."""

    def will(self, method: str, answer: Message, *, code: Code = Code.OK) -> None:
        """Have an agent that knows nothing of its own answer a method of its from here on."""

    def kill_for_memory(self, container_id: str) -> None:
        """Let the guest's kernel kill in a container, and the agent have an event of it."""

    def asked(self) -> Sequence[str]:
        """Return the methods that were asked so far, in order, without their service."""


class PeerStage:
    """A peer in Go or Rust."""

    def __init__(self, peer: ServerPeer) -> None:
        self._peer = peer
        self.dial: Dial = peer.dial
        peer.script(f"{_AGENT}/GetOOMEvent", hold=True)

    def will(self, method: str, answer: Message, *, code: Code = Code.OK) -> None:
        """Tell it."""
        self._peer.script(f"{_AGENT}/{method}", answer, code=code, message=code.name)

    def kill_for_memory(self, container_id: str) -> None:
        """Have it answer who waits."""
        self.will("GetOOMEvent", pb.OOMEvent(container_id=container_id))

    def asked(self) -> Sequence[str]:
        """Return what it has written down."""
        return [asked.method.rpartition("/")[2] for asked in self._peer.recorded()]


class SimulatedStage:
    """A sandbox of a fleet, which does by itself what a peer has to be told."""

    def __init__(self, sandbox: SimulatedSandbox, requests: Sequence[ServerRequest]) -> None:
        self._sandbox = sandbox
        self._requests = requests
        self.dial: Dial = Dialer().dial(AgentUrl.parse(sandbox.agent_url))

    def will(self, method: str, answer: Message, *, code: Code = Code.OK) -> None:
        """Leave it to itself."""
        del method, answer, code

    def kill_for_memory(self, container_id: str) -> None:
        """Kill in a container of the pod as well: its shim is first in line, and takes that event."""
        self._sandbox.kill_for_memory(self._sandbox.containers[0].id, Victim.PROCESS)
        self._sandbox.kill_for_memory(container_id, Victim.PROCESS)

    def asked(self) -> Sequence[str]:
        """Return what it was asked."""
        return [request.method for request in self._requests]
