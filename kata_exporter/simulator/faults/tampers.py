"""What can become of one answer on its way: functions that `wire.Tampering` takes, or that make one."""

import random
from collections.abc import Callable, Iterable
from itertools import chain, repeat

from kata_exporter.clock import Clock
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.faults.wire import (
    Close,
    Hang,
    Step,
    Tamper,
    Tampering,
    Wait,
    encoded,
    header,
)
from kata_exporter.ttrpc.frames import HEADER_BYTES, Frame

Make = Callable[[Clock], Fault]

DRIP_SECONDS = 0.1
"""Between two bytes of a slow drip."""

GARBAGE = random.Random(0).randbytes(4096)  # noqa: S311  no secret, and the same each time


def tampering(tamper: Tamper) -> Make:
    """Return a fault that does so to each answer."""
    return lambda clock: Tampering(tamper, clock)


def ends_at(index: int, *, resets: bool = False) -> Make:
    """Return a fault that ends the connection after `index` bytes of its first answer."""
    return lambda clock: Tampering(
        lambda frame: (encoded(frame)[:index], Close()), clock, resets=resets
    )


def drip(frame: Frame) -> Iterable[Step]:
    """Send byte by byte."""
    for byte in encoded(frame):
        yield bytes((byte,))
        yield Wait(DRIP_SECONDS)


def header_only(frame: Frame) -> Iterable[Step]:
    """Send a header, and nothing of what it announces."""
    return (encoded(frame)[:HEADER_BYTES], Hang())


def half_a_body(frame: Frame) -> Iterable[Step]:
    """Send half of an answer, and nothing more."""
    answer = encoded(frame)
    return (answer[: HEADER_BYTES + (len(answer) - HEADER_BYTES) // 2], Hang())


def twice(frame: Frame) -> Iterable[Step]:
    """Send an answer, and send it again."""
    return (encoded(frame), encoded(frame))


def with_id(change: Callable[[int], int]) -> Tamper:
    """Return a tamper that answers to another stream than was asked on."""
    return lambda frame: (encoded(frame, stream_id=change(frame.header.stream_id)),)


def announcing(length: int) -> Tamper:
    """Return a tamper that announces so many bytes, and sends none of them."""
    return lambda frame: (header(length, frame.header.stream_id), Hang())


def endless(length: int) -> Tamper:
    """Return a tamper that announces so many bytes, and sends them for as long as they are taken."""
    piece = bytes(1 << 16)
    return lambda frame: chain(
        (header(length, frame.header.stream_id),), repeat(piece, length // len(piece))
    )


def bad_protobuf(frame: Frame) -> Iterable[Step]:
    """Send a body that is no message."""
    return (header(64, frame.header.stream_id) + b"\xff" * 64,)
