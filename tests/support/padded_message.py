"""Messages whose frames have a size to the byte."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from kata_exporter._pb import agent_pb2
from kata_exporter.ttrpc._pb import ttrpc_pb2

M = TypeVar("M", bound=Message)


def policy_of(frame_bytes: int) -> agent_pb2.SetPolicyRequest:
    """Return a request that makes a frame of this size."""
    return _padded(
        frame_bytes,
        lambda text: agent_pb2.SetPolicyRequest(policy=text),
        lambda payload: ttrpc_pb2.Request(
            service="grpc.AgentService", method="SetPolicy", payload=payload
        ),
    )


def metrics_of(frame_bytes: int, *, with_status: bool) -> agent_pb2.Metrics:
    """Return an answer that makes a frame of this size.

    Args:
        frame_bytes: without the header.
        with_status: the server writes a status of OK, as Rust's does and ours.
    """
    status = ttrpc_pb2.Status() if with_status else None
    return _padded(
        frame_bytes,
        lambda text: agent_pb2.Metrics(metrics=text),
        lambda payload: ttrpc_pb2.Response(status=status, payload=payload),
    )


def _padded(size: int, message_of: Callable[[str], M], frame_of: Callable[[bytes], Message]) -> M:
    text = "x" * size
    while True:
        message = message_of(text)
        over = frame_of(message.SerializeToString()).ByteSize() - size
        if over <= 0:
            assert over == 0, f"no text gives a frame of {size} bytes"
            return message
        text = text[:-over]
