"""An agent on a unix socket, in a thread of its own, for a command that has this thread's loop."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.message import Message

from kata_exporter.clock import SystemClock
from kata_exporter.ttrpc import Server, ServerRequest, StatusError

_END_SECONDS = 10.0

Answer = Message | StatusError | Callable[[], object] | None
"""A message; an error; or a function to call, whose call is then never answered."""


class AgentThread:
    """Answers by full name of the method, as in ``grpc.Health/Check``: empty, until told otherwise."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.answers: dict[str, Answer] = {}
        self.asked: list[ServerRequest] = []
        self.connections = 0
        self.given_up = threading.Event()
        """Set when whoever waited for an answer has gone."""
        self._path = path
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    @property
    def methods(self) -> list[str]:
        """What was on the wire, in order."""
        return [f"{request.service}/{request.method}" for request in self.asked]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block lasts."""
        self._thread.start()
        assert self._ready.wait(_END_SECONDS)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(_END_SECONDS)
            assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        server = _CountingServer(self)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        listener.setblocking(False)
        await server.serve(listener)
        self._ready.set()
        await self._ended.wait()
        await server.aclose()

    async def answer(self, request: ServerRequest) -> bytes:
        """Answer a request."""
        self.asked.append(request)
        answer = self.answers.get(f"{request.service}/{request.method}")
        match answer:
            case None:
                return b""
            case Message():
                return answer.SerializeToString()
            case StatusError():
                raise answer
        answer()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()
        return b""


class _CountingServer(Server):
    def __init__(self, agent: AgentThread) -> None:
        super().__init__(agent.answer, clock=SystemClock())
        self._agent = agent

    async def attach(self, sock: socket.socket) -> None:
        self._agent.connections += 1
        await super().attach(sock)


@contextmanager
def agent_thread(folder: Path) -> Iterator[AgentThread]:
    """Run an agent on ``agent.sock`` in a folder."""
    agent = AgentThread(folder / "agent.sock")
    with agent.running():
        yield agent
