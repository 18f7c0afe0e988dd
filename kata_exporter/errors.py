"""The error tree of kata-exporter, and why a sandbox is silent.

Every error that crosses a package border is one of these; ``ttrpc`` has a tree of its own, which
``agent.errors`` translates.

    KataExporterError
    ├── ConfigError          the operator's configuration can't be used; ends the process with 2
    ├── AddressError         a sandbox has no address that may be used
    │   └── UrlError         an agent URL that can't be read or isn't allowed
    ├── DialError            no connection to an agent's socket
    │   ├── HandshakeError   the VMM's socket was there, but didn't pass us on to the guest
    │   ├── VsockForbidden   the kernel or a seccomp profile denies AF_VSOCK
    │   └── UntrustedSocket  a socket that may not be connected to, or be talked to
    ├── AgentError           a call to an agent that got no usable answer (``agent.errors``)
    ├── ArgumentError        an argument of a call that can't be right; nothing was sent
    ├── RuntimeCallError     a call to the node's container runtime that got no usable answer
    │   └── RuntimeAbsentError  there is no socket of one
    ├── RegistrationError    a sandbox that can't be registered, since there is no room for it
    ├── CopyError            a file can't be copied as it is; says what was sent (``agent.errors``)
    └── GuestTextError       a guest's metrics text that is refused whole (``guest.rejects``)

Each error that speaks of a sandbox carries a `Reason`: the closed set of words that
``kata_sandbox_state{reason}`` and the logs use.
"""

import reprlib
from collections.abc import Sequence
from enum import StrEnum

SHOWN_CHARACTERS = 256
"""How much of what somebody else wrote stands in an error's text."""


def shown(text: str) -> str:
    """Return what somebody else wrote for an error's text: in quotes, in ASCII, escaped and cut."""
    literal = ascii(text[:SHOWN_CHARACTERS])
    if len(text) <= SHOWN_CHARACTERS and len(literal) <= SHOWN_CHARACTERS + 2:
        return literal
    return literal[: SHOWN_CHARACTERS - 1] + "..."


class Reason(StrEnum):
    """Why a sandbox is in the state it is in. A closed set: alerts and runbooks rest on it."""

    OK = "ok"
    """The agent answers."""
    PENDING = "pending"
    """Seen, not asked yet."""
    POLICY_BLOCKED = "policy_blocked"
    """The guest's policy denies the call: a state, not an error."""
    UNSUPPORTED = "unsupported"
    """The agent is too old for the call, or built without it: a state, not an error."""
    CONNECT_FAILED = "connect_failed"
    """No socket, no listener, or what is there is no socket."""
    VSOCK_FORBIDDEN = "vsock_forbidden"
    """The kernel or a seccomp profile denies AF_VSOCK to this process."""
    HANDSHAKE_FAILED = "handshake_failed"
    """The hybrid vsock socket refused to pass us on: the guest isn't listening."""
    TIMEOUT = "timeout"
    """The deadline ran out: a frozen, hung or very slow guest."""
    CLOSED = "closed"
    """The connection ended before the answer was whole."""
    PROTOCOL_ERROR = "protocol_error"
    """What came isn't ttrpc, or isn't the message it should be."""
    TOO_LARGE = "too_large"
    """An answer over the cap of its call; nothing of it was read."""
    REJECTED = "rejected"
    """Refused by our own checks: a URL that isn't one, or an answer that fails verification."""
    AGENT_ERROR = "agent_error"
    """The agent answered with an error."""
    DEAD = "dead"
    """The client was marked dead; nothing more is sent through it."""
    GONE = "gone"
    """The sandbox or container is no longer there."""

    @property
    def answered(self) -> bool:
        """Whether the agent gave an answer: what ``kata_sandbox_up`` counts as being up."""
        return self in {Reason.OK, Reason.POLICY_BLOCKED, Reason.UNSUPPORTED}


class KataExporterError(Exception):
    """Root of all errors that kata-exporter raises on purpose."""


class ConfigError(KataExporterError):
    """The configuration can't be used.

    The text says where (file, line, key) and what to do; it is printed as it stands, without a
    traceback, before the process ends with exit code 2.
    """


class AddressError(KataExporterError):
    """A sandbox has no address at which its agent may be asked; the text says why.

    Args:
        text: why.
        reason: the same, as the sandbox's state.
    """

    def __init__(self, text: str, reason: Reason = Reason.REJECTED) -> None:
        super().__init__(text)
        self.reason = reason


class UrlError(AddressError):
    """An agent URL that can't be read or isn't allowed; the text names the part that is wrong."""


class DialError(KataExporterError):
    """No connection to an agent's socket could be made."""

    reason = Reason.CONNECT_FAILED


class HandshakeError(DialError):
    """A hybrid vsock socket answered CONNECT with something other than OK, or hung up."""

    reason = Reason.HANDSHAKE_FAILED


class VsockForbidden(DialError):
    """This process may not open AF_VSOCK sockets."""

    reason = Reason.VSOCK_FORBIDDEN


class UntrustedSocket(DialError):
    """A socket whose path may not be followed, or whose peer isn't trusted; it got no byte."""

    reason = Reason.REJECTED


class RuntimeCallError(KataExporterError):
    """A call to the node's container runtime (CRI, containerd) got no usable answer.

    Args:
        code: name of a gRPC status, as ``UNAVAILABLE``.
        detail: what was called, and what came; for the log.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class RuntimeAbsentError(RuntimeCallError):
    """There is no socket of a container runtime in any of the usual places.

    Args:
        paths: where it was looked for.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__("UNAVAILABLE", f"no socket at {', '.join(paths)}")


class RegistrationError(KataExporterError):
    """A sandbox that can't be registered: there are as many as there may be."""


class ArgumentError(KataExporterError):
    """An argument of a call that can't be right; raised before anything is sent.

    Args:
        argument: its name, or where in it the fault is, as in ``resources.memory.limit_bytes``.
        value: what was given; shown cut and escaped.
        problem: what is wrong with it, and what it should be.
    """

    reason = Reason.REJECTED

    def __init__(self, argument: str, value: object, problem: str) -> None:
        shown = reprlib.repr(value).encode("ascii", "backslashreplace").decode("ascii")
        # What it is made of, so that it can be copied and pickled; the text as it was, cut.
        super().__init__(argument, value, problem)
        self._text = f"{argument} {shown}: {problem}"
        self.argument = argument

    def __str__(self) -> str:
        return self._text
