"""What can go wrong with a call.

    TtrpcError
    ├── ConnectError        the dial failed; what it raised is the cause
    ├── DeadlineExceeded    the call's total deadline ran out, in the phase that is named
    ├── ConnectionClosed    the connection ended, or had ended, before the answer was whole
    ├── ProtocolViolation   the peer broke a rule of the wire; the connection is closed
    ├── MessageTooLarge     a message over its cap; the connection is closed if it was the peer's
    └── StatusError         the peer answered with a failure; the connection lives on

One end of a connection is told to every call that waits on it, each getting a copy (`again`).
"""

import copy
from enum import StrEnum

from kata_exporter.ttrpc.codes import Code

SHOWN_CHARACTERS = 256
"""How much of a text from the peer an error shows."""


def printable(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""Escape what isn't printable ASCII, and cut to `limit` characters.

    A peer's text may hold line feeds, terminal escapes or bidirectional overrides, and real agents
    send stack traces of 10 KB.
    """
    shown = text[:limit].encode("unicode_escape").decode("ascii")
    if len(text) <= limit and len(shown) <= limit:
        return shown
    return shown[: limit - 3] + "..."


class TtrpcError(Exception):
    """Root of the errors of this package."""


def again(error: TtrpcError) -> TtrpcError:
    """Return a copy to raise, with the same cause: one instance raised twice mixes tracebacks."""
    twin = copy.copy(error)
    twin.__cause__ = error.__cause__
    return twin


class ConnectError(TtrpcError):
    """The dial failed; its own error is the ``__cause__``."""


class Phase(StrEnum):
    """What a call was at when its deadline ran out."""

    START = "start"
    """At nothing yet: the deadline had passed before."""
    DIAL = "dial"
    ANSWER = "answer"


class DeadlineExceeded(TtrpcError):
    """The call's total deadline ran out."""

    def __init__(self, phase: Phase) -> None:
        super().__init__(phase)
        self.phase = phase

    def __str__(self) -> str:
        match self.phase:
            case Phase.START:
                return "deadline had passed before anything was done"
            case Phase.DIAL:
                return "deadline ran out while connecting"
            case Phase.ANSWER:
                return "deadline ran out while waiting for the answer"


class ConnectionClosed(TtrpcError):
    """The connection ended before the answer was whole, or had ended before the call."""


class Violation(StrEnum):
    """Rules of the wire that a peer can break; a closed set, fit for a metric's label."""

    FRAME_TYPE = "frame_type"
    """A server may send responses only, since this client asks for no streams."""
    FRAME_FLAGS = "frame_flags"
    """A unary response carries no flags."""
    STREAM_ID = "stream_id"
    """Streams that a client opens are odd."""
    UNKNOWN_STREAM = "unknown_stream"
    """Answers to streams that aren't open: too many, or in the place of the right one."""
    ENVELOPE = "envelope"
    """A response that isn't the protobuf message it should be."""
    STALLED_FRAME = "stalled_frame"
    """A frame that was begun and not ended in time."""


class ProtocolViolation(TtrpcError):
    """The peer broke a rule of the wire."""

    def __init__(self, violation: Violation, detail: str) -> None:
        super().__init__(violation, detail)
        self.violation = violation
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class MessageTooLarge(TtrpcError):
    """A message is over its cap. Sizes are in bytes."""

    def __init__(self, size_bytes: int, cap_bytes: int) -> None:
        super().__init__(size_bytes, cap_bytes)
        self.size_bytes = size_bytes
        self.cap_bytes = cap_bytes

    def __str__(self) -> str:
        return f"message of {self.size_bytes} bytes is over its cap of {self.cap_bytes}"


class StatusError(TtrpcError):
    """The peer answered with a status other than OK.

    ``message`` is the peer's own text, whole and not to be trusted; ``str()`` is safe to show.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{Code.name_of(self.code)}: {printable(self.message)}"
