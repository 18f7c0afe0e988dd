"""A ttrpc client that shares no code with ours, in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from rpcs import RPCS


@dataclass(frozen=True)
class PeerCall:
    """A call that it is to make."""

    method: str
    """As in ``grpc.Health/Check``."""
    request: Message
    timeout_ns: int = 0
    metadata: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class PeerResult:
    """How a call ended: with an answer, with a status, or with a text of the peer's own."""

    answer: Message | None = None
    code: int = 0
    message: str = ""
    failure: str = ""


class ClientPeer:
    """A client that is making its calls."""

    def __init__(self, calls: list[PeerCall], process: asyncio.subprocess.Process) -> None:
        self._calls = calls
        self._process = process

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()

    async def results(self) -> list[PeerResult]:
        """Wait for all its calls, and return how they ended, in order."""
        assert self._process.stdout is not None
        printed = (await self._process.stdout.read()).splitlines()
        assert await self._process.wait() == 0
        return [_result(*pair) for pair in zip(self._calls, printed, strict=True)]


@asynccontextmanager
async def client_peer(
    binary: Path, path: Path, *groups: Sequence[PeerCall]
) -> AsyncIterator[ClientPeer]:
    """Start a client on the server at `path`; calls of a group are made at once, on one connection."""
    process = await asyncio.create_subprocess_exec(
        binary,
        "client",
        path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(
            json.dumps([[_told(call) for call in group] for group in groups]).encode()
        )
        await process.stdin.drain()
        process.stdin.close()
        yield ClientPeer([call for group in groups for call in group], process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _told(call: PeerCall) -> dict[str, Any]:
    rpc = RPCS[call.method]
    return {
        "service": rpc.service,
        "method": rpc.name,
        "payload": call.request.SerializeToString().hex(),
        "timeout_nano": call.timeout_ns,
        "metadata": list(call.metadata),
    }


def _result(call: PeerCall, line: bytes) -> PeerResult:
    told = json.loads(line)
    if "answer" not in told:
        return PeerResult(**told)
    return PeerResult(json_format.ParseDict(told["answer"], RPCS[call.method].response()))
