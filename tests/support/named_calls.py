"""Calls of an agent by their names and fields, to one in this process or over its socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fake_clock import FakeClock
from kata_exporter._pb import oci_pb2
from kata_exporter.simulator import SimulatedAgent
from kata_exporter.sockets import AgentUrl, Dialer
from kata_exporter.ttrpc import Client, Code, ServerRequest, StatusError
from rpcs import RPCS, Rpc

SERVICE = "grpc.AgentService"


class NamedCalls:
    """Makes calls; what is asked and answered are the fields and messages of the .proto files."""

    def __init__(self, call: Callable[[Rpc, Any], Awaitable[bytes]]) -> None:
        self._call = call

    @classmethod
    def to(cls, agent: SimulatedAgent) -> "NamedCalls":
        """Call an agent in this process."""

        async def call(rpc: Rpc, request: Any) -> bytes:
            return await agent.handle(
                ServerRequest(rpc.service, rpc.name, request.SerializeToString())
            )

        return cls(call)

    async def __call__(self, method: str, **fields: Any) -> Any:
        """Make a call and return the answer's message."""
        rpc = RPCS[f"{SERVICE}/{method}"]
        return rpc.response.FromString(await self._call(rpc, rpc.request(**fields)))

    async def refused(self, method: str, **fields: Any) -> tuple[Code, str]:
        """Make a call that has to fail, and return the error's code and message."""
        try:
            answer = await self(method, **fields)
        except StatusError as error:
            return Code(error.code), error.message
        raise AssertionError(f"{method} was answered: {answer}")

    async def asked(self) -> None:
        """Return once the agent has all that was asked before, whether it has answered or not."""
        await asyncio.sleep(0)  # tasks that were just made ask now
        await self("ListRoutes")

    async def create(self, container_id: str, *args: str, **fields: Any) -> None:
        """Make a container that runs a command."""
        spec = oci_pb2.Spec(
            Process=oci_pb2.Process(Args=args),
            Root=oci_pb2.Root(Path="/rootfs"),
            Linux=oci_pb2.Linux(),
            **fields,
        )
        await self("CreateContainer", container_id=container_id, exec_id=container_id, OCI=spec)

    async def run(self, container_id: str, *args: str) -> None:
        """Make a container and start it."""
        await self.create(container_id, *args)
        await self("StartContainer", container_id=container_id)

    async def execute(self, container_id: str, exec_id: str, *args: str, **fields: Any) -> None:
        """Start another process in a container."""
        process = oci_pb2.Process(Args=args, **fields)
        await self("ExecProcess", container_id=container_id, exec_id=exec_id, process=process)

    async def wait(self, container_id: str, exec_id: str = "") -> int:
        """Wait for a process, and return what it exited with."""
        answer = await self("WaitProcess", container_id=container_id, exec_id=exec_id)
        return int(answer.status)

    async def read_all(self, container_id: str, exec_id: str, stream: str = "ReadStdout") -> bytes:
        """Read a stream to its end, a few bytes at a time."""
        found = b""
        while data := (await self(stream, container_id=container_id, exec_id=exec_id, len=7)).data:
            found += data
        return found


@asynccontextmanager
async def connected_calls(agent_url: str, clock: FakeClock) -> AsyncIterator[NamedCalls]:
    """Call an agent over its socket, on a connection of one's own that is there from the start."""
    client = Client(Dialer().dial(AgentUrl.parse(agent_url)), clock=clock)

    async def call(rpc: Rpc, request: Any) -> bytes:
        # A call that can be given up without the connection: the deadline never comes.
        return await client.call(rpc.call(request), deadline=clock.monotonic() + 1e6)

    try:
        calls = NamedCalls(call)
        await calls.asked()
        yield calls
    finally:
        await client.aclose()


async def given_up(task: "asyncio.Task[Any]") -> None:
    """Cancel a call, and see that it ends so."""
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
