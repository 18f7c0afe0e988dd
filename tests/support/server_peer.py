"""A ttrpc server that shares no code with ours, in a process of its own.

Orders go to its standard input as JSON lines, each confirmed by a line; what it was asked it writes
into a file before it answers.
"""

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from peer_binary import Language
from rpcs import RPCS

_END_SECONDS = 10.0


@dataclass(frozen=True)
class Asked:
    """A request as the peer's own libraries read it."""

    method: str
    """As in ``grpc.Health/Check``."""
    request: Message
    metadata: dict[str, list[str]]
    timeout_ns: int
    """What was sent, from the Rust peer; what was left of it when it came, from the Go peer."""


class ServerPeer:
    """Answers every RPC of the agent: with success and an empty message, until told otherwise."""

    def __init__(self, language: Language, process: subprocess.Popen[str], folder: Path) -> None:
        self.language = language
        self.path = folder / "peer.sock"
        self._records = folder / "records"
        self._process = process
        self._confirmed("ready")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def script(
        self,
        method: str,
        answer: Message | bytes = b"",
        *,
        code: int = 0,
        message: str = "",
        hold: bool = False,
        bare: bool = False,
    ) -> None:
        """Say how a method is answered from here on; a call that is held gets it as well.

        Args:
            method: as in ``grpc.Health/Check``.
            answer: a message, or its bytes.
            code: of the status; other than 0, it is the answer.
            message: of the status.
            hold: answer only when the method is scripted anew.
            bare: answer as a generated service does that lacks the method (Rust alone).
        """
        payload = answer.SerializeToString() if isinstance(answer, Message) else answer
        told: dict[str, Any] = {"payload": payload.hex(), "code": code, "message": message}
        told["hold"] = hold
        if bare:
            told["bare"] = True
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "answer": told}) + "\n")
        self._process.stdin.flush()
        self._confirmed("done")

    def recorded(self) -> list[Asked]:
        """Return what it was asked, in order."""
        return [
            Asked(
                record["method"],
                json_format.ParseDict(record["request"], RPCS[record["method"]].request()),
                record.get("metadata", {}),
                record.get("timeout_nano", 0),
            )
            for record in self._events("asked")
        ]

    def dropped(self) -> list[str]:
        """Return the methods whose handlers were ended before they answered."""
        return [record["method"] for record in self._events("dropped")]

    async def dial(self, deadline: float) -> socket.socket:
        """Connect to it; a dial for our client."""
        del deadline
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, str(self.path))
        except BaseException:
            sock.close()
            raise
        return sock

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        return self._process.wait(_END_SECONDS)

    def _events(self, kind: str) -> list[dict[str, Any]]:
        lines = self._records.read_text().splitlines()
        return [event for line in lines if (event := json.loads(line))["event"] == kind]

    def _confirmed(self, expected: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == f"{expected}\n", f"the peer said {line!r}, not {expected!r}"


@contextmanager
def server_peer(language: Language, binary: Path, folder: Path) -> Iterator[ServerPeer]:
    """Start a peer that serves on ``peer.sock`` in a folder; its last words are in ``stderr``."""
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [binary, "server", folder / "peer.sock", folder / "records"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            yield ServerPeer(language, process, folder)
        finally:
            process.kill()
