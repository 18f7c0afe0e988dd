"""Frames as a peer would write them, legal or not; written apart from the code under test."""

import struct

from kata_exporter.ttrpc._pb import ttrpc_pb2 as pb

REQUEST, RESPONSE, DATA = 1, 2, 3
HEADER_BYTES = 10


def header(length: int, stream_id: int, *, kind: int = RESPONSE, flags: int = 0) -> bytes:
    """A header that announces `length` bytes, whatever follows."""
    return struct.pack(">IIBB", length, stream_id, kind, flags)


def frame(stream_id: int, body: bytes = b"", *, kind: int = RESPONSE, flags: int = 0) -> bytes:
    """A whole frame."""
    return header(len(body), stream_id, kind=kind, flags=flags) + body


def answer(stream_id: int, payload: bytes = b"") -> bytes:
    """An answer of success without a status, as Go's server writes it."""
    return frame(stream_id, pb.Response(payload=payload).SerializeToString())


def refusal(stream_id: int, code: int, message: str = "") -> bytes:
    """An answer of failure."""
    status = pb.Status(code=code, message=message)
    return frame(stream_id, pb.Response(status=status).SerializeToString())


def asked(
    stream_id: int,
    service: str = "s",
    method: str = "m",
    payload: bytes = b"",
    *,
    timeout_nano: int = 0,
    flags: int = 0,
) -> bytes:
    """A request."""
    message = pb.Request(service=service, method=method, payload=payload, timeout_nano=timeout_nano)
    return frame(stream_id, message.SerializeToString(), kind=REQUEST, flags=flags)


def response_of_size(size: int) -> bytes:
    """The payload of a success whose whole body is `size` bytes or as near below as it gets."""
    payload = b"x" * (size - 8)
    while len(pb.Response(payload=payload).SerializeToString()) < size:
        payload += b"x"
    return payload


def frames_of(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Cut whole frames: stream id, type, flags and body of each."""
    frames = []
    while data:
        length, stream_id, kind, flags = struct.unpack(">IIBB", data[:HEADER_BYTES])
        end = HEADER_BYTES + length
        assert len(data) >= end, "half a frame"
        frames.append((stream_id, kind, flags, data[HEADER_BYTES:end]))
        data = data[end:]
    return frames


def responses_of(data: bytes) -> list[tuple[int, int, str, bytes]]:
    """Cut whole answers: stream id, code, message and payload of each."""
    answers = []
    for stream_id, kind, flags, body in frames_of(data):
        assert (kind, flags) == (RESPONSE, 0)
        message = pb.Response.FromString(body)
        answers.append((stream_id, message.status.code, message.status.message, message.payload))
    return answers
