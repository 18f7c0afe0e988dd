"""Bytes of a hostile peer, to the client's side of a ttrpc connection.

The first byte says how long the pieces are in which the others come.
"""

from kata_exporter.ttrpc.client_protocol import AnswerReceived, ClientProtocol, ConnectionBroken
from kata_exporter.ttrpc.envelope import Request
from kata_exporter.ttrpc.errors import TtrpcError

_CAP_BYTES = 64
_STREAMS = (1, 3, 5)


def try_one(data: bytes) -> None:
    """Whatever comes, and however cut: first answers win, and a broken connection stays broken."""
    size = data[0] + 1 if data else 1
    pieces = [data[start : start + size] for start in range(1, len(data), size)]
    assert _told([data[1:]]) == _told(pieces)


def _told(pieces: list[bytes]) -> list[str]:
    protocol = ClientProtocol()
    for _ in _STREAMS:
        protocol.send_request(Request("s", "m", b""), cap_bytes=_CAP_BYTES)
    protocol.forget(_STREAMS[-1])
    told: list[str] = []
    answered: set[int] = set()
    for piece in pieces:
        was_broken = protocol.broken
        events = protocol.receive_data(piece)
        assert not (was_broken and events)
        for event in events:
            if isinstance(event, AnswerReceived):
                assert event.stream_id in _STREAMS[:-1]
                assert event.stream_id not in answered
                assert event.response.code or len(event.response.payload) <= _CAP_BYTES
                answered.add(event.stream_id)
            elif isinstance(event, ConnectionBroken):
                assert isinstance(event.error, TtrpcError)
                assert event is events[-1]
            told.append(repr(event))
    assert len(answered) + protocol.open_streams <= len(_STREAMS)
    return told
