"""Which trace the running task is part of, for log lines to name.

Set by whoever makes the spans; a line names a trace only when its spans are exported, so that
nobody looks for one that there isn't.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class TraceLink:
    """A span that log lines belong to; ids are in hexadecimal."""

    trace_id: str = ""
    span_id: str = ""
    exported: bool = False
    """Becomes true when the span is handed on to be exported."""


CURRENT_TRACE: ContextVar[TraceLink | None] = ContextVar("CURRENT_TRACE", default=None)
