"""A call that got no usable answer, and why: where errors of ttrpc become a `Reason`.

Codes are matched, never texts, with two exceptions that the agent forces on us. A request that the
guest's policy doesn't define, and an interface that the guest hasn't found yet, come back as
INTERNAL: only their texts tell them from a fault.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kata_exporter.agent.messages.shape import WrongShape
from kata_exporter.agent.methods import METHOD_OF, About, Method
from kata_exporter.errors import DialError, KataExporterError, Reason, UrlError
from kata_exporter.ttrpc import (
    Code,
    ConnectError,
    ConnectionClosed,
    DeadlineExceeded,
    MessageTooLarge,
    ProtocolViolation,
    StatusError,
    TtrpcError,
    printable,
)

_POLICY_UNDEFINED = "internal error policy check"
_LINK_NOT_FOUND = "Link not found"

MAX_ELEMENTS = 4096
"""Interfaces, addresses or routes in one answer."""

DEAD_TEXT = "Dead agent"
"""What Kata's own client says once it has given an agent up."""


class AgentError(KataExporterError):
    """A call that got no usable answer.

    ``code`` is the status in gRPC's spelling: the agent's own (``from_agent``), or the one that fits
    where there was none. ``detail`` is safe to show: escaped and cut.
    """

    def __init__(
        self, method: str, reason: Reason, code: str, detail: str, *, from_agent: bool = False
    ) -> None:
        super().__init__(method, reason, code, detail)
        described = METHOD_OF.get(method)
        self.from_agent = from_agent
        self.unreached = ""
        """What couldn't be connected to in time, as Kata's own client calls it."""
        self.kata_prefix = "" if described is None else described.error_prefix
        """What it puts before the text of an error."""
        self.remembered = False
        """Told from memory: the agent said so before, and wasn't asked this time."""
        self.method = method
        self.reason = reason
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.method}: {self.detail}"

    @property
    def kata_text(self) -> str:
        """What Kata's own client would say: ``StatsContainerRequest timed out``, ``ttrpc: closed``.

        For those who look for the words of the runtime's log; programs look at ``reason``.
        """
        method = METHOD_OF.get(self.method)
        if self.unreached:
            return f"{self.kata_prefix}timed out connecting to {self.unreached}"
        if self.reason is Reason.TIMEOUT and method is not None:
            return method.timeout_text or f"{method.request.DESCRIPTOR.name} timed out"
        return self.kata_prefix + _KATA_TEXTS.get(self.reason, self.detail)


def remembered(error: AgentError) -> AgentError:
    """Return a copy of an agent's refusal, for when it isn't asked again."""
    twin = copy.copy(error)
    twin.remembered = True
    return twin


_KATA_TEXTS = {Reason.CLOSED: "ttrpc: closed", Reason.DEAD: DEAD_TEXT}


class CopyError(KataExporterError):
    """A file of the host can't be copied to a guest as it is.

    ``sent_bytes`` is what the guest had been sent of it, ``size_bytes`` what it should have got;
    None where that wasn't known yet, and so nothing was sent. The guest puts a file in place only
    when all of it has come, so an earlier file of that name is still there.
    """

    def __init__(
        self, source: Path, problem: str, *, sent_bytes: int = 0, size_bytes: int | None = None
    ) -> None:
        name = printable(str(source))
        sent = f"{sent_bytes} of {size_bytes} bytes were" if size_bytes else "nothing was"
        super().__init__(source, problem)
        self._text = f"can't copy {name}: {problem} ({sent} sent)"
        self.source = source
        self.sent_bytes = sent_bytes
        self.size_bytes = size_bytes

    def __str__(self) -> str:
        return self._text


def agent_error(method: str, error: TtrpcError) -> AgentError:
    """Translate an error of ttrpc; to be raised from it."""
    reason, code = _judge(method, error)
    if isinstance(error, StatusError):
        # A time-out that the agent reports is as good as one of ours: it gave nothing.
        spoke = reason is not Reason.TIMEOUT
        return AgentError(method, reason, code.name, str(error), from_agent=spoke)
    return AgentError(method, reason, code.name, printable(str(error)))


def dead_agent(method: str) -> AgentError:
    """Return the error for a call through a client that was given up."""
    return AgentError(method, Reason.DEAD, Code.UNAVAILABLE.name, DEAD_TEXT)


def unsupported(method: str, detail: str) -> AgentError:
    """Return the error for a call that this agent is known not to have; nothing was sent."""
    return AgentError(method, Reason.UNSUPPORTED, Code.UNIMPLEMENTED.name, detail)


def link_not_found(error: AgentError) -> bool:
    """Whether the guest hasn't found a network device, which may only be on its way."""
    cause = error.__cause__
    return isinstance(cause, StatusError) and _LINK_NOT_FOUND in cause.message


@contextmanager
def answer_of(method: Method[Any, Any]) -> Iterator[None]:
    """Have what an answer holds, and no dataclass has a word for, be an `AgentError`."""
    try:
        yield
    except WrongShape as error:
        raise bad_answer(method.full_name, str(error)) from error


def check_count(method: Method[Any, Any], count: int) -> None:
    """Refuse an answer that lists more than `MAX_ELEMENTS`, before they are translated.

    An empty element takes two bytes of the wire, and a thousand times that as a dataclass.

    Raises:
        AgentError: it does.
    """
    if count > MAX_ELEMENTS:
        raise bad_answer(method.full_name, f"answer lists {count} elements, over {MAX_ELEMENTS}")


def bad_answer(method: str, detail: str) -> AgentError:
    """Return the error for an answer that isn't the message it should be."""
    return AgentError(method, Reason.PROTOCOL_ERROR, Code.INTERNAL.name, detail)


def _judge(method: str, error: TtrpcError) -> tuple[Reason, Code]:
    match error:
        case StatusError():
            return _judge_status(method, error)
        case DeadlineExceeded():
            return Reason.TIMEOUT, Code.DEADLINE_EXCEEDED
        case ConnectError():
            return _judge_dial(error.__cause__), Code.UNAVAILABLE
        case ConnectionClosed():
            return Reason.CLOSED, Code.UNAVAILABLE
        case MessageTooLarge():
            return Reason.TOO_LARGE, Code.RESOURCE_EXHAUSTED
        case ProtocolViolation():
            return Reason.PROTOCOL_ERROR, Code.INTERNAL
        case _:
            return Reason.PROTOCOL_ERROR, Code.UNKNOWN


def _judge_dial(cause: BaseException | None) -> Reason:
    return cause.reason if isinstance(cause, DialError | UrlError) else Reason.CONNECT_FAILED


def _judge_status(method: str, error: StatusError) -> tuple[Reason, Code]:
    try:
        code = Code(error.code)
    except ValueError:
        return Reason.AGENT_ERROR, Code.UNKNOWN
    described = METHOD_OF.get(method)
    about = About.OTHER if described is None else described.about
    match code:
        case Code.PERMISSION_DENIED:
            return Reason.POLICY_BLOCKED, code
        case Code.INTERNAL if _POLICY_UNDEFINED in error.message:
            return Reason.POLICY_BLOCKED, code
        case Code.UNIMPLEMENTED:
            return Reason.UNSUPPORTED, code
        case Code.NOT_FOUND:
            return (Reason.GONE if about is About.PROCESS else Reason.UNSUPPORTED), code
        case Code.INVALID_ARGUMENT:
            return _judge_refusal(about), code
        case Code.DEADLINE_EXCEEDED:
            return Reason.TIMEOUT, code
        case _:
            return Reason.AGENT_ERROR, code


def _judge_refusal(about: About) -> Reason:
    match about:
        case About.NOTHING:
            # It has no argument to be wrong: the service or the method is unknown.
            return Reason.UNSUPPORTED
        case About.CONTAINER | About.PROCESS:
            # The agent's word for a container that it doesn't have.
            return Reason.GONE
        case About.OTHER:
            return Reason.AGENT_ERROR
