"""The other end of a client's socket, scripted byte by byte."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

from kata_exporter.ttrpc._pb import ttrpc_pb2 as pb
from wire import HEADER_BYTES


class RawPeer:
    """Hands one end of a socket pair to a client as its dial, and plays the server on the other."""

    def __init__(self) -> None:
        self._theirs, self._sock = socket.socketpair()
        self._sock.setblocking(False)
        self.dials = 0

    async def dial(self, deadline: float) -> socket.socket:
        """A dial that is done at once."""
        del deadline
        self.dials += 1
        return self._theirs

    async def request(self) -> tuple[int, pb.Request]:
        """Read one request: its stream id and envelope."""
        head = await self._exactly(HEADER_BYTES)
        length, stream_id, kind, flags = struct.unpack(">IIBB", head)
        assert (kind, flags) == (1, 0), "a unary request has type 1 and no flags"
        return stream_id, pb.Request.FromString(await self._exactly(length))

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def rest(self) -> bytes:
        """Read to the client's end and return what came before it."""
        rest = b""
        try:
            while data := await asyncio.get_running_loop().sock_recv(self._sock, 4096):
                rest += data
        except ConnectionResetError:
            return rest
        return rest

    async def ended(self) -> bool:
        """Read to the client's end; True where nothing came before it."""
        return not await self.rest()

    def stop_sending(self) -> None:
        """Half-close."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close; with unread bytes here, the client sees a reset."""
        self._sock.close()

    async def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = await asyncio.get_running_loop().sock_recv(self._sock, count - len(data))
            assert part, "the client closed"
            data += part
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sock.close()
        if not self.dials:
            self._theirs.close()
