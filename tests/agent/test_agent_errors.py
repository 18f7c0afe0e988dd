"""Every error of ttrpc has its Reason, and a guest's text is safe to show."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.agent.errors import (
    AgentError,
    CopyError,
    agent_error,
    bad_answer,
    dead_agent,
    link_not_found,
)
from kata_exporter.agent.methods import METHODS, About, Method
from kata_exporter.errors import (
    ArgumentError,
    DialError,
    HandshakeError,
    Reason,
    UrlError,
    VsockForbidden,
)
from kata_exporter.ttrpc import (
    Code,
    ConnectError,
    ConnectionClosed,
    DeadlineExceeded,
    MessageTooLarge,
    Phase,
    ProtocolViolation,
    StatusError,
    TtrpcError,
    Violation,
)

METRICS = "grpc.AgentService/GetMetrics"
STATS = "grpc.AgentService/StatsContainer"
DIAL_EXPIRED = "deadline ran out while connecting"
UNDEFINED = "GetMetricsRequest: internal error policy check: unexpected eval_query result"


def connect_error(cause: BaseException) -> ConnectError:
    error = ConnectError("no way there")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (DeadlineExceeded(Phase.DIAL), Reason.TIMEOUT, "DEADLINE_EXCEEDED"),
        (DeadlineExceeded(Phase.ANSWER), Reason.TIMEOUT, "DEADLINE_EXCEEDED"),
        (ConnectionClosed("closed"), Reason.CLOSED, "UNAVAILABLE"),
        (MessageTooLarge(5, 4), Reason.TOO_LARGE, "RESOURCE_EXHAUSTED"),
        *(
            (ProtocolViolation(violation, "broken"), Reason.PROTOCOL_ERROR, "INTERNAL")
            for violation in Violation
        ),
        (connect_error(DialError("refused")), Reason.CONNECT_FAILED, "UNAVAILABLE"),
        (connect_error(HandshakeError("KO")), Reason.HANDSHAKE_FAILED, "UNAVAILABLE"),
        (connect_error(VsockForbidden("no")), Reason.VSOCK_FORBIDDEN, "UNAVAILABLE"),
        (connect_error(UrlError("odd")), Reason.REJECTED, "UNAVAILABLE"),
        (connect_error(OSError(5, "odd")), Reason.CONNECT_FAILED, "UNAVAILABLE"),
        # It has a `reason` too, which is none of ours.
        (
            connect_error(UnicodeEncodeError("utf-8", "x", 0, 1, "odd")),
            Reason.CONNECT_FAILED,
            "UNAVAILABLE",
        ),
        (ConnectError("without a cause"), Reason.CONNECT_FAILED, "UNAVAILABLE"),
        (TtrpcError("of a kind to come"), Reason.PROTOCOL_ERROR, "UNKNOWN"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_error_without_an_answer_has_its_reason(
    error: TtrpcError, reason: Reason, code: str
) -> None:
    translated = agent_error(METRICS, error)

    assert (translated.reason, translated.code) == (reason, code)
    assert translated.method == METRICS
    assert not translated.from_agent
    assert str(translated) == f"{METRICS}: {error}"


REASONS = {
    Code.CANCELLED: Reason.AGENT_ERROR,
    Code.UNKNOWN: Reason.AGENT_ERROR,
    Code.INVALID_ARGUMENT: Reason.UNSUPPORTED,
    Code.DEADLINE_EXCEEDED: Reason.TIMEOUT,
    Code.NOT_FOUND: Reason.UNSUPPORTED,
    Code.ALREADY_EXISTS: Reason.AGENT_ERROR,
    Code.PERMISSION_DENIED: Reason.POLICY_BLOCKED,
    Code.RESOURCE_EXHAUSTED: Reason.AGENT_ERROR,
    Code.FAILED_PRECONDITION: Reason.AGENT_ERROR,
    Code.ABORTED: Reason.AGENT_ERROR,
    Code.OUT_OF_RANGE: Reason.AGENT_ERROR,
    Code.UNIMPLEMENTED: Reason.UNSUPPORTED,
    Code.INTERNAL: Reason.AGENT_ERROR,
    Code.UNAVAILABLE: Reason.AGENT_ERROR,
    Code.DATA_LOSS: Reason.AGENT_ERROR,
    Code.UNAUTHENTICATED: Reason.AGENT_ERROR,
}


def test_table_has_every_code_but_ok() -> None:
    assert set(REASONS) == set(Code) - {Code.OK}


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_each_code_has_its_reason(code: Code, reason: Reason) -> None:
    translated = agent_error(METRICS, StatusError(int(code), "why"))

    assert (translated.reason, translated.code) == (reason, code.name)
    assert translated.detail == f"{code.name}: why"


@pytest.mark.parametrize("code", [999, 17, -1, 2**31 - 1])
def test_code_that_is_none_is_an_unknown_agent_error(code: int) -> None:
    translated = agent_error(METRICS, StatusError(code, "why"))

    assert (translated.reason, translated.code) == (Reason.AGENT_ERROR, "UNKNOWN")
    assert translated.from_agent


def test_container_that_the_agent_does_not_have_is_gone() -> None:
    error = StatusError(Code.INVALID_ARGUMENT, '"invalid container id"')

    assert agent_error(STATS, error).reason is Reason.GONE


@pytest.mark.parametrize("method", [method.full_name for method in METHODS])
@pytest.mark.parametrize(
    "error",
    [
        StatusError(Code.PERMISSION_DENIED, "GetMetricsRequest is blocked by policy: false"),
        StatusError(Code.INTERNAL, UNDEFINED),
    ],
    ids=["denied", "undefined"],
)
def test_both_ways_of_a_policy_to_say_no_are_one_reason(method: str, error: StatusError) -> None:
    translated = agent_error(method, error)

    assert translated.reason is Reason.POLICY_BLOCKED
    assert translated.reason.answered


def test_text_of_a_policy_counts_under_its_own_code_only() -> None:
    assert agent_error(METRICS, StatusError(Code.UNKNOWN, UNDEFINED)).reason is Reason.AGENT_ERROR


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_answer_of_the_agent_is_from_the_agent_but_for_its_timeout(code: Code) -> None:
    """A time-out that it reports gave as little as one of ours."""
    spoke = agent_error(METRICS, StatusError(int(code), "")).from_agent

    assert spoke is (code is not Code.DEADLINE_EXCEEDED)


def test_ten_kilobytes_of_a_guest_become_one_short_line() -> None:
    error = StatusError(Code.INTERNAL, "\x1b[2J\u202eline\n\x00" * 1000)

    translated = agent_error(METRICS, error)

    assert translated.detail.startswith(r"INTERNAL: \x1b[2J\u202eline\n\x00")
    assert len(translated.detail) < 300
    assert str(translated).isprintable()
    assert str(translated).isascii()


@given(st.text(max_size=700), st.sampled_from([StatusError, ConnectError, ConnectionClosed]))
def test_any_text_is_shown_on_one_short_line(text: str, kind: type[TtrpcError]) -> None:
    error = kind(13, text) if kind is StatusError else kind(text)

    detail = agent_error(METRICS, error).detail

    assert detail.isascii()
    assert detail.isprintable()
    assert len(detail) < 300


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_refused_argument_means_what_the_request_names(method: Method) -> None:  # type: ignore[type-arg]  # of any messages
    """A container or process that isn't there; a method that isn't; or an argument, by its text."""
    refused = agent_error(method.full_name, StatusError(Code.INVALID_ARGUMENT, "no")).reason
    missing = agent_error(method.full_name, StatusError(Code.NOT_FOUND, "no")).reason

    expected = {
        About.NOTHING: (Reason.UNSUPPORTED, Reason.UNSUPPORTED),
        About.CONTAINER: (Reason.GONE, Reason.UNSUPPORTED),
        About.PROCESS: (Reason.GONE, Reason.GONE),
        About.OTHER: (Reason.AGENT_ERROR, Reason.UNSUPPORTED),
    }
    assert (refused, missing) == expected[method.about]


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (STATS, "StatsContainerRequest timed out"),
        (METRICS, "GetMetricsRequest timed out"),
        ("grpc.Health/Check", "CheckRequest timed out"),
        ("grpc.AgentService/GetGuestDetails", "GuestDetailsRequest request timed out"),
        ("grpc.AgentService/SetGuestDateTime", "SetGuestDateTimeRequest request timed out"),
        (
            "grpc.AgentService/RemoveStaleVirtiofsShareMounts",
            "removeStaleVirtiofsShareMounts timed out",
        ),
        ("grpc.AgentService/WriteStdin", "WriteStreamRequest timed out"),
        ("grpc.AgentService/CopyFile", "CopyFileRequest timed out"),
        ("grpc.AgentService/RemoveContainer", "RemoveContainerRequest timed out"),
        ("grpc.AgentService/ReadStdout", "context deadline exceeded"),
        ("grpc.AgentService/ReadStderr", "context deadline exceeded"),
        ("grpc.AgentService/GetDiagnosticData", "context deadline exceeded"),
    ],
)
@pytest.mark.parametrize(
    "error", [DeadlineExceeded(Phase.ANSWER), StatusError(Code.DEADLINE_EXCEEDED, "timeout")]
)
def test_time_out_has_the_text_of_katas_own_client(
    method: str, error: TtrpcError, text: str
) -> None:
    assert agent_error(method, error).kata_text == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (agent_error(STATS, ConnectionClosed("lost")), "ttrpc: closed"),
        (dead_agent(STATS), "Dead agent"),
        (
            dead_agent("grpc.Health/Check"),
            "Failed to Check if grpc server is working: Dead agent",
        ),
        (
            agent_error("grpc.Health/Check", StatusError(Code.INTERNAL, "x")),
            "Failed to Check if grpc server is working: INTERNAL: x",
        ),
        (agent_error(STATS, StatusError(Code.INTERNAL, "x")), "INTERNAL: x"),
        (agent_error("grpc.Other/Call", DeadlineExceeded(Phase.DIAL)), DIAL_EXPIRED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_errors_have_the_text_of_katas_own_client(error: AgentError, text: str) -> None:
    assert error.kata_text == text


def test_only_the_text_tells_a_device_that_comes_late() -> None:
    def judged(error: TtrpcError) -> bool:
        failure = agent_error(METRICS, error)
        failure.__cause__ = error
        return link_not_found(failure)

    assert judged(StatusError(Code.INTERNAL, '"Link not found (Address: 02:00)"'))
    assert not judged(StatusError(Code.INTERNAL, "link is down"))
    assert not judged(ConnectionClosed("Link not found"))


def test_error_of_a_copy_says_what_was_sent_and_is_safe_to_show() -> None:
    error = CopyError(Path("/a\n\x1b[2J"), "it was changed", sent_bytes=5, size_bytes=9)

    assert str(error) == r"can't copy /a\n\x1b[2J: it was changed (5 of 9 bytes were sent)"
    assert (error.source, error.sent_bytes) == (Path("/a\n\x1b[2J"), 5)


def test_answer_that_is_not_the_message_is_a_protocol_error() -> None:
    error = bad_answer(METRICS, "answer is no Metrics")

    assert isinstance(error, AgentError)
    assert (error.reason, error.code) == (Reason.PROTOCOL_ERROR, "INTERNAL")
    assert str(error) == f"{METRICS}: answer is no Metrics"


@pytest.mark.parametrize(
    "error",
    [
        ArgumentError("cpus", -1, "should be a number"),
        CopyError(Path("/a"), "it was changed", sent_bytes=7),
        AgentError(METRICS, Reason.CLOSED, "UNAVAILABLE", "lost", from_agent=True),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    "twin_of",
    [copy.copy, lambda error: pickle.loads(pickle.dumps(error))],  # noqa: S301  our own
)
def test_error_can_be_copied_and_sent_to_another_process(
    error: Exception, twin_of: Callable[[Exception], Exception]
) -> None:
    twin = twin_of(error)

    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
