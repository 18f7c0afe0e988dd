"""The floor of collection: the same calls for the same answers, and nothing done to them.

The client is `ttrpc.Client`, so what is left out is everything above it: decoding, the guest's
text, samples, hooks, links, the schedule. As many sandboxes are asked at once as the exporter does.
"""

import asyncio
import os
import socket
import time
from pathlib import Path

from benchmarks.control import Answer, answer_commands
from benchmarks.fleet import USUAL_LANE, CannedFleet, container_id
from kata_exporter._pb import agent_pb2
from kata_exporter.clock import SystemClock
from kata_exporter.ttrpc import Call, Client

CALL_SECONDS = 5.0
_CAP_BYTES = 1 << 20


class BareCalls:
    """Calls to the agents that answer; each has a connection of its own, which stays open."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._clients: list[Client] = []

    async def first_round(self, folder: str, sandboxes: int, hung: int) -> Answer:
        """Connect anew, and ask each for its version, its metrics and a container's statistics."""
        await self.aclose()
        os.chdir(folder)  # names of sockets are short then, whatever the folder's is
        fleet = CannedFleet(Path(folder), sandboxes, hung)
        self._clients = [
            self._client(fleet.socket_path(number).name) for number in range(fleet.answering)
        ]
        return await self._round(["Version"])

    async def round(self) -> Answer:
        """Ask each for its metrics and statistics, on the connections that are open."""
        return await self._round([])

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients:
            await client.aclose()

    async def _round(self, first: list[str]) -> Answer:
        lane = asyncio.Semaphore(USUAL_LANE)

        async def ask(number: int, client: Client) -> None:
            async with lane:
                for method in first:
                    await self._call(client, Call("grpc.Health", method, b"", _CAP_BYTES))
                await asyncio.gather(
                    self._call(client, Call("grpc.AgentService", "GetMetrics", b"", _CAP_BYTES)),
                    self._call(client, _stats_call(number)),
                )

        wall, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as asking:
            for number, client in enumerate(self._clients):
                asking.create_task(ask(number, client))
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    async def _call(self, client: Client, call: Call) -> None:
        await client.call(call, deadline=self._clock.monotonic() + CALL_SECONDS)

    def _client(self, name: str) -> Client:
        async def dial(deadline: float) -> socket.socket:
            del deadline
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                await asyncio.get_running_loop().sock_connect(sock, name)
            except BaseException:
                sock.close()
                raise
            return sock

        return Client(dial, clock=self._clock)


def _stats_call(number: int) -> Call:
    request = agent_pb2.StatsContainerRequest(container_id=container_id(number))
    return Call("grpc.AgentService", "StatsContainer", request.SerializeToString(), _CAP_BYTES)


async def main() -> None:
    """Call until standard input ends."""
    calls = BareCalls()
    try:
        await answer_commands({"first_round": calls.first_round, "round": calls.round})
    finally:
        await calls.aclose()


if __name__ == "__main__":
    asyncio.run(main())
