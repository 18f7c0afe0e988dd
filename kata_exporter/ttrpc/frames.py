"""Frames: ten bytes of header (big-endian length, stream id, type, flags), then the body.

https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md. No IO: bytes in, frames out.

The one rule that keeps a hostile peer cheap: a header is judged before a byte of its body is kept,
and a body takes memory only as it comes, never as it was announced.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

MAX_MESSAGE_BYTES = 4 << 20
"""The largest body that ttrpc's peers accept; exactly this many bytes still pass."""

_HEADER = struct.Struct(">IIBB")
HEADER_BYTES = _HEADER.size


class FrameType(IntEnum):
    """What a frame is."""

    REQUEST = 1
    RESPONSE = 2
    DATA = 3


@dataclass(frozen=True, slots=True)
class Header:
    """A frame's header; ``type`` is a plain number, since a peer may send any."""

    length: int
    stream_id: int
    type: int
    flags: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame; ``body`` is None where it was skipped."""

    header: Header
    body: bytes | None


def encode_frame(stream_id: int, frame_type: FrameType, body: bytes, flags: int = 0) -> bytes:
    """Put a header before `body`."""
    return _HEADER.pack(len(body), stream_id, frame_type, flags) + body


class FrameReader:
    """Cuts a stream of bytes into frames.

    Args:
        admit: called with each header as soon as it is whole; returns whether to keep the body
            (False: read past it), or raises to refuse the stream. Refusing is final: the reader
            must not be fed again.
    """

    def __init__(self, admit: Callable[[Header], bool]) -> None:
        self._admit = admit
        self._head = bytearray()
        self._header: Header | None = None
        self._body: bytearray | None = None
        self._missing = 0

    @property
    def mid_frame(self) -> bool:
        """Whether a frame was begun and isn't whole."""
        return self._header is not None or bool(self._head)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes; to be consumed whole.

        A header is judged only after the frame before it was taken, so the judgement sees what
        that frame changed.
        """
        position = 0
        while True:
            if self._header is None:
                position = self._read_header(data, position)
                if self._header is None:
                    return
            position = self._read_body(data, position)
            if self._missing:
                return
            header, body = self._header, self._body
            self._header = self._body = None
            yield Frame(header, None if body is None else bytes(body))

    def _read_header(self, data: bytes, position: int) -> int:
        part = data[position : position + HEADER_BYTES - len(self._head)]
        self._head += part
        if len(self._head) == HEADER_BYTES:
            header = Header(*_HEADER.unpack(self._head))
            self._head.clear()
            self._body = bytearray() if self._admit(header) else None
            self._missing = header.length
            self._header = header
        return position + len(part)

    def _read_body(self, data: bytes, position: int) -> int:
        end = min(position + self._missing, len(data))
        if self._body is not None:
            self._body += memoryview(data)[position:end]
        self._missing -= end - position
        return end
