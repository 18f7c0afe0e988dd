"""The connection to a shim: over a socket that was checked, for an answer of bounded length."""

import asyncio

import aiohttp
from aiohttp.client_proto import ResponseHandler

from kata_exporter.sockets import connect_beneath

MAX_ANSWER_BYTES = 1 << 16
"""All that is read of an answer: interim ones, headers, and the wrapping of chunks included."""


class ShimConnector(aiohttp.UnixConnector):
    """Connects to a shim's socket below `root`; who isn't trusted gets no byte.

    Connecting raises as `connect_beneath`.

    Args:
        root: the folder to begin at, in an administrator's words.
        relative: the rest of the path.
        uids: users that may be behind the socket, beside root and our own.

    Attributes:
        overrun: whether an answer was given up for its length.
    """

    def __init__(self, root: str, relative: str, *, uids: frozenset[int]) -> None:
        super().__init__(f"{root}/{relative}", force_close=True)
        self._root = root
        self._relative = relative
        self._uids = uids
        self.overrun = False

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> ResponseHandler:
        del req, traces, timeout
        sock = await connect_beneath(self._root, self._relative, uids=self._uids)
        # Nothing is awaited in between that could be cancelled: from here the transport owns it.
        _, protocol = await self._loop.create_unix_connection(self._bounded, sock=sock)
        return protocol

    def _bounded(self) -> "_BoundedHandler":
        return _BoundedHandler(self, self._loop)


class _BoundedHandler(ResponseHandler):
    """Reads an answer up to a length, and then no further."""

    def __init__(self, connector: ShimConnector, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._connector = connector
        self._left = MAX_ANSWER_BYTES

    def data_received(self, data: bytes) -> None:
        wanted, self._left = data[: self._left], self._left - len(data)
        super().data_received(wanted)
        fault = self.exception()
        if fault is not None and self._payload is not None:
            # What can't be parsed is told to who waits for the head alone; a body would be waited for.
            self._payload.set_exception(fault)
        transport = self.transport
        # What was whole, or refused for another reason, is closed by now.
        if self._left < 0 and transport is not None and not transport.is_closing():
            self._connector.overrun = True
            transport.abort()
