"""A call that got no usable answer, and why: where errors of ttrpc become a `Reason`.

Codes are matched, never texts, with one exception that the agent forces on us: a request that the
guest's policy doesn't define comes back as INTERNAL, and only its text tells it from a fault.
"""

from kata_exporter.agent.methods import STATS_CONTAINER
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


class AgentError(KataExporterError):
    """A call that got no usable answer.

    ``code`` is the status in gRPC's spelling: the agent's own (``from_agent``), or the one that fits
    where there was none. ``detail`` is safe to show: escaped and cut.
    """

    def __init__(
        self, method: str, reason: Reason, code: str, detail: str, *, from_agent: bool = False
    ) -> None:
        super().__init__(method, reason, code, detail)
        self.from_agent = from_agent
        self.method = method
        self.reason = reason
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.method}: {self.detail}"


def agent_error(method: str, error: TtrpcError) -> AgentError:
    """Translate an error of ttrpc; to be raised from it."""
    reason, code = _judge(method, error)
    if isinstance(error, StatusError):
        # A time-out that the agent reports is as good as one of ours: it gave nothing.
        spoke = reason is not Reason.TIMEOUT
        return AgentError(method, reason, code.name, str(error), from_agent=spoke)
    return AgentError(method, reason, code.name, printable(str(error)))


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
    match code:
        case Code.PERMISSION_DENIED:
            return Reason.POLICY_BLOCKED, code
        case Code.INTERNAL if _POLICY_UNDEFINED in error.message:
            return Reason.POLICY_BLOCKED, code
        case Code.UNIMPLEMENTED | Code.NOT_FOUND:
            return Reason.UNSUPPORTED, code
        case Code.INVALID_ARGUMENT if method == STATS_CONTAINER.full_name:
            # The agent's word for a container that it doesn't have.
            return Reason.GONE, code
        case Code.INVALID_ARGUMENT:
            # The calls made here have no other argument to be wrong: the service is unknown.
            return Reason.UNSUPPORTED, code
        case Code.DEADLINE_EXCEEDED:
            return Reason.TIMEOUT, code
        case _:
            return Reason.AGENT_ERROR, code
