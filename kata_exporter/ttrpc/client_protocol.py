"""The client's side of a connection, without IO.

Rules that this file keeps:
1. Stream ids are odd, start at 1 and only rise; they are given out where the bytes are queued, so
   they rise on the wire as well.
2. A stream is open from its request to its answer, or until it is forgotten. The first answer wins.
3. Each header is held against the cap of its own call before its body is read.
4. An answer to a forgotten stream is late: normal, counted. One to a stream that was never open or
   is answered already is counted against a budget. Anything else breaks the connection.
5. A broken connection stays broken: it gives no events and takes no requests.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from kata_exporter.ttrpc.envelope import (
    ENVELOPE_BYTES,
    METADATA_KEY,
    Request,
    Response,
    decode_response,
    encode_request,
)
from kata_exporter.ttrpc.errors import (
    ConnectionClosed,
    MessageTooLarge,
    ProtocolViolation,
    TtrpcError,
    Violation,
)
from kata_exporter.ttrpc.frames import (
    MAX_MESSAGE_BYTES,
    FrameReader,
    FrameType,
    Header,
    encode_frame,
)

ERROR_ANSWER_BYTES = 64 << 10
"""Cap of an answer that is an error, where the call's own cap is lower."""

MAX_UNKNOWN_ANSWERS = 16
"""Answers to streams that aren't open that a connection survives."""

_MAX_FORGOTTEN = 256
_LAST_STREAM_ID = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """A stream got its answer, success or failure, and is closed."""

    stream_id: int
    response: Response


class Dropped(StrEnum):
    """Why an answer was dropped."""

    LATE = "late_answer"
    """Its call had given up."""
    UNKNOWN = "unknown_answer"
    """No call had asked, or it was answered already."""


@dataclass(frozen=True, slots=True)
class AnswerDropped:
    """An answer came that nobody waits for; its body was read past."""

    stream_id: int
    why: Dropped


@dataclass(frozen=True, slots=True)
class ConnectionBroken:
    """The connection has ended; always the last event."""

    error: TtrpcError


Event = AnswerReceived | AnswerDropped | ConnectionBroken


class ClientProtocol:
    """Requests in, bytes out; bytes in, events out."""

    def __init__(self, *, max_unknown_answers: int = MAX_UNKNOWN_ANSWERS) -> None:
        self._reader = FrameReader(self._admit)
        self._out = bytearray()
        self._next_id = 1
        self._open: dict[int, int] = {}
        self._forgotten: OrderedDict[int, int] = OrderedDict()
        self._unknown = 0
        self._max_unknown = max_unknown_answers
        self._error: TtrpcError | None = None

    @property
    def open_streams(self) -> int:
        """How many calls wait for an answer."""
        return len(self._open)

    @property
    def unknown_answers(self) -> int:
        """How many answers came to streams that weren't open."""
        return self._unknown

    @property
    def mid_frame(self) -> bool:
        """Whether a frame was begun and isn't whole."""
        return self._reader.mid_frame

    @property
    def broken(self) -> bool:
        """Whether the connection has ended."""
        return self._error is not None

    def send_request(self, request: Request, *, cap_bytes: int) -> int:
        """Queue a request and return its stream id; `cap_bytes` is the cap of its answer's payload.

        Raises:
            MessageTooLarge: the request is over what ttrpc carries; nothing was queued.
            ConnectionClosed: the connection has ended, or has no stream id left.
            ValueError: the time-out is negative, or metadata isn't as it should be.
        """
        _check_request(request)
        if self._error is not None:
            raise ConnectionClosed("the connection has ended")
        if self._next_id > _LAST_STREAM_ID:
            raise ConnectionClosed("the connection has no stream id left")
        body = encode_request(request)
        if len(body) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(len(body), MAX_MESSAGE_BYTES)
        stream_id = self._next_id
        self._next_id += 2
        self._open[stream_id] = cap_bytes
        self._out += encode_frame(stream_id, FrameType.REQUEST, body)
        return stream_id

    def data_to_send(self) -> bytes:
        """Return what is to be written, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def forget(self, stream_id: int) -> None:
        """Give a stream up; its answer, should it come, is late."""
        cap_bytes = self._open.pop(stream_id, None)
        if cap_bytes is None:
            return
        self._forgotten[stream_id] = cap_bytes
        if len(self._forgotten) > _MAX_FORGOTTEN:
            self._forgotten.popitem(last=False)

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes from the peer and return what they mean.

        A broken rule gives `ConnectionBroken` with a `ProtocolViolation` or `MessageTooLarge`;
        answers that came whole before it stand.
        """
        events: list[Event] = []
        if self._error is not None:
            return events
        try:
            for frame in self._reader.feed(data):
                event = self._take(frame.header.stream_id, frame.body)
                events.append(event)
        except TtrpcError as error:
            events.append(self._break(error))
        return events

    def receive_eof(self) -> list[Event]:
        """Take the peer's end of stream."""
        if self._error is not None:
            return []
        where = "in the middle of an answer" if self.mid_frame else "by the peer"
        return [self._break(ConnectionClosed(f"connection closed {where}"))]

    def _admit(self, header: Header) -> bool:
        if header.type != FrameType.RESPONSE:
            raise ProtocolViolation(Violation.FRAME_TYPE, f"frame of type {header.type}")
        if header.flags:
            raise ProtocolViolation(Violation.FRAME_FLAGS, f"response with flags {header.flags:#x}")
        if header.stream_id % 2 == 0:
            raise ProtocolViolation(Violation.STREAM_ID, f"stream id {header.stream_id} is even")
        keep, cap_bytes = self._cap_of(header.stream_id)
        allowed = max(cap_bytes, ERROR_ANSWER_BYTES) + ENVELOPE_BYTES
        if header.length > allowed:
            raise MessageTooLarge(header.length, allowed)
        return keep

    def _cap_of(self, stream_id: int) -> tuple[bool, int]:
        if stream_id in self._open:
            return True, self._open[stream_id]
        if stream_id in self._forgotten:
            return False, self._forgotten[stream_id]
        self._unknown += 1
        if self._unknown > self._max_unknown:
            detail = f"{self._unknown} answers to streams that aren't open"
            raise ProtocolViolation(Violation.UNKNOWN_STREAM, detail)
        return False, 0

    def _take(self, stream_id: int, body: bytes | None) -> Event:
        if body is None or stream_id not in self._open:
            # It may have been forgotten while its body came.
            late = self._forgotten.pop(stream_id, None) is not None
            return AnswerDropped(stream_id, Dropped.LATE if late else Dropped.UNKNOWN)
        cap_bytes = self._open.pop(stream_id)
        response = decode_response(body)
        if response is None:
            raise ProtocolViolation(Violation.ENVELOPE, "response is no ttrpc message")
        if response.code == 0 and len(response.payload) > cap_bytes:
            raise MessageTooLarge(len(response.payload), cap_bytes)
        return AnswerReceived(stream_id, response)

    def _break(self, error: TtrpcError) -> ConnectionBroken:
        self._error = error
        self._open.clear()
        self._forgotten.clear()
        self._out.clear()
        return ConnectionBroken(error)


def _check_request(request: Request) -> None:
    if request.timeout_ns < 0:
        raise ValueError("a negative timeout means no limit to some servers, and none to others")
    for key, _ in request.metadata:
        if not METADATA_KEY.fullmatch(key):
            raise ValueError(f"metadata key {key!r}: should be {METADATA_KEY.pattern}")
