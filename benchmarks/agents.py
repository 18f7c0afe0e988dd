"""A process of agents with canned answers, on our own ttrpc server.

A hung agent is a socket that is never accepted from: connecting to it works, and nothing comes
back, as with a frozen guest.
"""

import asyncio
import socket
from pathlib import Path

from benchmarks.control import Answer, answer_commands
from benchmarks.fleet import CannedFleet, canned_answers
from kata_exporter.clock import SystemClock
from kata_exporter.sockets import bind_unix
from kata_exporter.ttrpc import Code, Server, ServerRequest, StatusError

BACKLOG = 1024
"""Connections to a hung agent that the kernel keeps."""


class CannedAgents:
    """All agents of a fleet."""

    def __init__(self) -> None:
        self._answers = canned_answers()
        self._server = Server(self._answer, clock=SystemClock())
        self._hung: list[socket.socket] = []
        self._rounds = 0

    async def start(self, folder: str, sandboxes: int, hung: int) -> Answer:
        """Listen on every socket."""
        fleet = CannedFleet(Path(folder), sandboxes, hung)
        for number in range(fleet.sandboxes):
            listener = bind_unix(str(fleet.socket_path(number)), backlog=BACKLOG)
            if number < fleet.answering:
                await self._server.serve(listener)
            else:
                self._hung.append(listener)
        return {}

    async def collections(self) -> Answer:
        """Say how many sandboxes were collected so far; each asks GetMetrics once."""
        return {"collections": self._rounds}

    async def aclose(self) -> None:
        """Close every socket."""
        for listener in self._hung:
            listener.close()
        await self._server.aclose()

    async def _answer(self, request: ServerRequest) -> bytes:
        answer = self._answers.get(request.method)
        if answer is None:
            raise StatusError(Code.UNIMPLEMENTED, f"{request.method} is not in the cans")
        self._rounds += request.method == "GetMetrics"
        return answer


async def main() -> None:
    """Serve until standard input ends."""
    agents = CannedAgents()
    try:
        await answer_commands({"start": agents.start, "collections": agents.collections})
    finally:
        await agents.aclose()


if __name__ == "__main__":
    asyncio.run(main())
