"""The messages inside frames: Request and Response, as plain values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from kata_exporter.ttrpc._pb import ttrpc_pb2 as pb

Metadata = tuple[tuple[str, str], ...]

METADATA_KEY = re.compile(r"[a-z0-9_.-]{1,64}")
"""What a key of metadata may look like (use `fullmatch`)."""

ENVELOPE_BYTES = 64
"""What an envelope adds to a payload at most, a status of OK included."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it stands on the wire."""

    service: str
    """As ``grpc.AgentService``: no leading slash."""
    method: str
    payload: bytes
    timeout_ns: int = 0
    """What the server may take; 0 is no limit."""
    metadata: Metadata = ()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it stands on the wire; ``code`` 0 is success."""

    payload: bytes
    code: int = 0
    message: str = ""


def encode_request(request: Request) -> bytes:
    """Encode a request."""
    return pb.Request(
        service=request.service,
        method=request.method,
        payload=request.payload,
        timeout_nano=request.timeout_ns,
        metadata=_key_values(request.metadata),
    ).SerializeToString()


def decode_request(body: bytes) -> Request | None:
    """Decode a request; None where `body` is none."""
    try:
        message = pb.Request.FromString(body)
    except DecodeError:
        return None
    return Request(
        message.service,
        message.method,
        message.payload,
        message.timeout_nano,
        tuple((pair.key, pair.value) for pair in message.metadata),
    )


def encode_response(response: Response) -> bytes:
    """Encode a response, with a status even on success, as the Rust server does."""
    return pb.Response(
        status=pb.Status(code=response.code, message=response.message), payload=response.payload
    ).SerializeToString()


def decode_response(body: bytes) -> Response | None:
    """Decode a response; None where `body` is none.

    An absent status is success (Go's server), as is one with code 0 (Rust's).
    """
    try:
        message = pb.Response.FromString(body)
    except DecodeError:
        return None
    return Response(message.payload, message.status.code, message.status.message)


def _key_values(metadata: Iterable[tuple[str, str]]) -> Iterable[pb.KeyValue]:
    return (pb.KeyValue(key=key, value=value) for key, value in metadata)
