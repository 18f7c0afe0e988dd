"""A call whose span is on its way to a collector: what an exemplar can point to."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportedCall:
    """A call and its span; ids are in hexadecimal, ``ended_time`` is in seconds since 1970."""

    method: str
    code: str
    seconds: float
    trace_id: str
    span_id: str
    ended_time: float


OnExported = Callable[[ExportedCall], None]
