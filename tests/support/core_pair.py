"""A client's and a server's protocol core joined without a socket."""

from collections.abc import Callable

from kata_exporter.ttrpc.client_protocol import ClientProtocol, Event
from kata_exporter.ttrpc.envelope import Request, Response
from kata_exporter.ttrpc.server_protocol import ServerProtocol


class CorePair:
    """What one core writes the other reads; `handle` answers each request."""

    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self.client = ClientProtocol()
        self.server = ServerProtocol()
        self._handle = handle

    def exchange(self, *, cut: int | None = None) -> list[Event]:
        """Carry what is queued there and back, in pieces of `cut` bytes; return what came of it."""
        events: list[Event] = []
        for piece in _pieces(self.client.data_to_send(), cut):
            for received in self.server.receive_data(piece):
                self.server.send_response(received.stream_id, self._handle(received.request))
        for piece in _pieces(self.server.data_to_send(), cut):
            events.extend(self.client.receive_data(piece))
        return events


def _pieces(data: bytes, cut: int | None) -> list[bytes]:
    size = cut or max(1, len(data))
    return [data[at : at + size] for at in range(0, len(data), size)]
