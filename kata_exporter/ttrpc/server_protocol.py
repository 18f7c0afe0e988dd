"""The server's side of a connection, without IO.

It answers as the agent's own server (the Rust crate ``ttrpc``) does where a client misbehaves:
what is too long is read past and refused, an even stream id is refused under that id, frames that
are no request are ignored, flags are not looked at.
"""

from dataclasses import dataclass

from kata_exporter.ttrpc.codes import Code
from kata_exporter.ttrpc.envelope import Request, Response, decode_request, encode_response
from kata_exporter.ttrpc.frames import (
    MAX_MESSAGE_BYTES,
    FrameReader,
    FrameType,
    Header,
    encode_frame,
)


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request to be answered under its stream id."""

    stream_id: int
    request: Request


class ServerProtocol:
    """Bytes in, requests out; responses in, bytes out."""

    def __init__(self) -> None:
        self._reader = FrameReader(_fits)
        self._out = bytearray()

    def receive_data(self, data: bytes) -> list[RequestReceived]:
        """Take bytes from the client; refusals are queued, requests are returned."""
        requests: list[RequestReceived] = []
        for frame in self._reader.feed(data):
            request = self._take(frame.header, frame.body)
            if request is not None:
                requests.append(RequestReceived(frame.header.stream_id, request))
        return requests

    def send_response(self, stream_id: int, response: Response) -> None:
        """Queue the answer of a stream; one that is too long is replaced by a refusal."""
        body = encode_response(response)
        if len(body) > MAX_MESSAGE_BYTES:
            body = encode_response(_refusal(f"response of {len(body)} bytes is too long"))
        self._out += encode_frame(stream_id, FrameType.RESPONSE, body)

    def data_to_send(self) -> bytes:
        """Return what is to be written, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _take(self, header: Header, body: bytes | None) -> Request | None:
        refusal = self._fault(header, body)
        if refusal is not None:
            self.send_response(header.stream_id, refusal)
            return None
        if header.type != FrameType.REQUEST or body is None:
            return None
        request = decode_request(body)
        if request is None:
            self.send_response(header.stream_id, _refusal("request is no ttrpc message"))
        return request

    @staticmethod
    def _fault(header: Header, body: bytes | None) -> Response | None:
        # In the agent's order: the type is looked at last.
        if body is None:
            return _refusal(f"message of {header.length} bytes is over {MAX_MESSAGE_BYTES}")
        if header.stream_id % 2 == 0:
            return _refusal("stream id must be odd")
        if header.type == FrameType.DATA:
            return _refusal("Stream is no longer active")
        return None


def _fits(header: Header) -> bool:
    return header.length <= MAX_MESSAGE_BYTES


def _refusal(message: str) -> Response:
    return Response(b"", Code.INVALID_ARGUMENT, message)
