"""A client that writes what it is told, legal or not, and reads answers one by one."""

import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from wire import HEADER_BYTES, responses_of

_WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """An answer; code 0 is success."""

    stream_id: int
    code: int = 0
    message: str = ""
    payload: bytes = b""


class RawClient:
    """Connected to a unix socket; every wait has an end."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(_WAIT_SECONDS)
        self._sock.connect(str(path))

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._sock.sendall(data)

    def ask(self, data: bytes) -> Answer:
        """Write bytes, and read the next answer."""
        self.send(data)
        return self.answer()

    def answer(self) -> Answer:
        """Read one answer."""
        head = self._exactly(HEADER_BYTES)
        body = self._exactly(int.from_bytes(head[:4], "big"))
        (found,) = responses_of(head + body)
        return Answer(*found)

    def stop_sending(self) -> None:
        """Half-close."""
        self._sock.shutdown(socket.SHUT_WR)

    def rest(self) -> bytes:
        """Read to the server's end."""
        rest = b""
        try:
            while data := self._sock.recv(1 << 16):
                rest += data
        except ConnectionResetError:
            return rest
        return rest

    def close(self) -> None:
        """Close."""
        self._sock.close()

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self._sock.recv(count - len(data))
            assert part, f"the server closed after {bytes(data)!r}"
            data += part
        return bytes(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
