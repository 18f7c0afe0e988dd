"""Round trips over a socket pair: ttrpc's, and the least that asyncio takes for the same bytes."""

import asyncio
import socket

from kata_exporter.clock import SystemClock
from kata_exporter.ttrpc import Call, Client, Server, ServerRequest

_HEADER_BYTES = 4


async def ttrpc_round_trips(answer: bytes, count: int) -> None:
    """Make `count` calls, one after the other, that are answered with `answer`."""
    ours, theirs = socket.socketpair()
    clock = SystemClock()

    async def handle(request: ServerRequest) -> bytes:
        del request
        return answer

    async def dial(deadline: float) -> socket.socket:
        del deadline
        return ours

    server = Server(handle, clock=clock)
    serving = asyncio.create_task(server.attach(theirs))
    client = Client(dial, clock=clock)
    call = Call("grpc.AgentService", "GetMetrics", b"", cap_bytes=1 << 20)
    for _ in range(count):
        await client.call(call, deadline=clock.monotonic() + 5.0)
    await client.aclose()
    await serving


async def floor_round_trips(answer: bytes, count: int) -> None:
    """Send four bytes and read `answer` behind its length, `count` times."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    serving = asyncio.create_task(_echo(theirs, answer))
    for _ in range(count):
        writer.write(bytes(_HEADER_BYTES))
        length = int.from_bytes(await reader.readexactly(_HEADER_BYTES), "big")
        await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    await serving


async def _echo(sock: socket.socket, answer: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    framed = len(answer).to_bytes(_HEADER_BYTES, "big") + answer
    while await reader.read(_HEADER_BYTES):
        writer.write(framed)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
