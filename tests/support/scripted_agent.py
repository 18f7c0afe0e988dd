"""An agent behind our own server: answers what it is told, and keeps what it was asked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fake_clock import FakeClock
from kata_exporter.ttrpc import Code, Dial, Server, ServerRequest, StatusError

Answer = bytes | StatusError | Callable[[], Awaitable[bytes]]


class ScriptedAgent:
    """Answers by full name of the method, as in ``grpc.Health/Check``."""

    def __init__(self, clock: FakeClock) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[ServerRequest] = []
        self.urls: list[str] = []
        self.dials = 0
        self._server = Server(self._handle, clock=clock)
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def methods(self) -> list[str]:
        """What was on the wire, in order."""
        return [f"{request.service}/{request.method}" for request in self.asked]

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._serving)

    def dial_url(self, url: str) -> Dial:
        """Return the way to it, whatever the URL; the URL is kept."""
        self.urls.append(url)
        return self.dial

    async def dial(self, deadline: float) -> socket.socket:
        """Connect to it."""
        del deadline
        self.dials += 1
        ours, theirs = socket.socketpair()
        task = asyncio.create_task(self._server.attach(theirs))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return ours

    async def drop(self) -> None:
        """Lose every client."""
        for task in self._serving:
            task.cancel()
        await self.ended()

    async def ended(self) -> None:
        """Return when every client has gone."""
        if self._serving:
            await asyncio.wait(self._serving)

    async def _handle(self, request: ServerRequest) -> bytes:
        self.asked.append(request)
        unknown = StatusError(Code.UNIMPLEMENTED, f"{request.method} method")
        answer = self.answers.get(f"{request.service}/{request.method}", unknown)
        if isinstance(answer, StatusError):
            raise answer
        return answer if isinstance(answer, bytes) else await answer()


async def never() -> bytes:
    """An answer that doesn't come."""
    await asyncio.Event().wait()
    return b""


@asynccontextmanager
async def scripted_agent(clock: FakeClock) -> AsyncIterator[ScriptedAgent]:
    """An agent that has lost its clients by the end of the block, or the test hangs."""
    agent = ScriptedAgent(clock)
    yield agent
    await asyncio.wait_for(agent.ended(), 5)
