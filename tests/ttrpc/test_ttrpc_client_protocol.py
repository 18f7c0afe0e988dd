"""The client's rules of the wire, one by one."""

import tracemalloc

import pytest

from kata_exporter.ttrpc import (
    ConnectionClosed,
    Dropped,
    MessageTooLarge,
    ProtocolViolation,
    Violation,
)
from kata_exporter.ttrpc.client_protocol import (
    ERROR_ANSWER_BYTES,
    MAX_UNKNOWN_ANSWERS,
    AnswerDropped,
    AnswerReceived,
    ClientProtocol,
    ConnectionBroken,
    Event,
)
from kata_exporter.ttrpc.envelope import ENVELOPE_BYTES, Request, Response
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from wire import REQUEST, answer, frame, frames_of, header, refusal

KIB = 1 << 10
ASK = Request("grpc.Health", "Check", b"")


def opened(cap_bytes: int = 4 * KIB, *, streams: int = 1) -> ClientProtocol:
    protocol = ClientProtocol()
    for _ in range(streams):
        protocol.send_request(ASK, cap_bytes=cap_bytes)
    return protocol


def violation_of(events: list[Event]) -> Violation:
    broken = events[-1]
    assert isinstance(broken, ConnectionBroken)
    assert isinstance(broken.error, ProtocolViolation)
    return broken.error.violation


def assert_too_large(events: list[Event]) -> None:
    assert [type(event) for event in events] == [ConnectionBroken]
    assert isinstance(events[0], ConnectionBroken)
    assert isinstance(events[0].error, MessageTooLarge)


def test_streams_are_odd_and_rise_and_requests_carry_no_flags() -> None:
    protocol = opened(streams=3)

    sent = frames_of(protocol.data_to_send())

    assert [(stream_id, kind, flags) for stream_id, kind, flags, _ in sent] == [
        (1, REQUEST, 0),
        (3, REQUEST, 0),
        (5, REQUEST, 0),
    ]
    assert protocol.data_to_send() == b""


def test_answers_in_any_order_reach_their_streams() -> None:
    protocol = opened(streams=3)

    events = protocol.receive_data(answer(5, b"c") + answer(1, b"a") + refusal(3, 12, "no"))

    assert events == [
        AnswerReceived(5, Response(b"c")),
        AnswerReceived(1, Response(b"a")),
        AnswerReceived(3, Response(b"", 12, "no")),
    ]
    assert protocol.open_streams == 0


def test_failure_with_a_payload_is_a_failure() -> None:
    """The status is looked at, whatever the payload is."""
    body = bytes.fromhex("0a02 0807 1201 ff")

    assert opened().receive_data(frame(1, body)) == [AnswerReceived(1, Response(b"\xff", 7))]
    assert opened(0).receive_data(frame(1, body)) == [AnswerReceived(1, Response(b"\xff", 7))]


@pytest.mark.parametrize("cap_bytes", [4 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB])
def test_payload_of_exactly_the_cap_passes(cap_bytes: int) -> None:
    payload = b"x" * cap_bytes

    assert opened(cap_bytes).receive_data(answer(1, payload)) == [
        AnswerReceived(1, Response(payload))
    ]


@pytest.mark.parametrize("cap_bytes", [4 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB])
def test_payload_of_one_byte_over_the_cap_breaks_the_connection(cap_bytes: int) -> None:
    assert_too_large(opened(cap_bytes).receive_data(answer(1, b"x" * (cap_bytes + 1))))


@pytest.mark.parametrize("cap_bytes", [4 * KIB, 256 * KIB])
def test_header_over_what_the_cap_allows_breaks_before_any_body(cap_bytes: int) -> None:
    allowed = max(cap_bytes, ERROR_ANSWER_BYTES) + ENVELOPE_BYTES

    assert opened(cap_bytes).receive_data(header(allowed, 1)) == []
    assert_too_large(opened(cap_bytes).receive_data(header(allowed + 1, 1)))


@pytest.mark.parametrize("length", [MAX_MESSAGE_BYTES + 1, 2**31, 2**32 - 1])
def test_huge_length_is_refused_on_the_header_and_takes_no_memory(length: int) -> None:
    protocol = opened(1024 * KIB)
    head = header(length, 1)
    tracemalloc.start()
    try:
        events = protocol.receive_data(head)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert_too_large(events)
    assert peak < 16_384


def test_length_that_is_allowed_takes_memory_only_as_it_comes() -> None:
    protocol = opened(1024 * KIB)
    head = header(1024 * KIB, 1)
    tracemalloc.start()
    try:
        assert protocol.receive_data(head) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16_384


def test_error_of_64_kib_passes_where_the_cap_of_the_call_is_4_kib() -> None:
    text = "x" * (ERROR_ANSWER_BYTES - 16)

    assert opened(4 * KIB).receive_data(refusal(1, 13, text)) == [
        AnswerReceived(1, Response(b"", 13, text))
    ]


def test_success_over_the_cap_does_not_pass_as_an_error_would() -> None:
    assert_too_large(opened(4 * KIB).receive_data(answer(1, b"x" * (32 * KIB))))


@pytest.mark.parametrize("kind", [0, 1, 3, 4, 9, 255])
def test_frame_that_is_no_response_breaks_the_connection(kind: int) -> None:
    events = opened().receive_data(header(0, 1, kind=kind))

    assert violation_of(events) is Violation.FRAME_TYPE


@pytest.mark.parametrize("flags", [1, 2, 4, 0x80, 0xFF])
def test_response_with_flags_breaks_the_connection(flags: int) -> None:
    events = opened().receive_data(header(0, 1, flags=flags))

    assert violation_of(events) is Violation.FRAME_FLAGS


@pytest.mark.parametrize("stream_id", [0, 2, 2**32 - 2])
def test_even_stream_breaks_the_connection(stream_id: int) -> None:
    assert violation_of(opened().receive_data(header(0, stream_id))) is Violation.STREAM_ID


def test_body_that_is_no_response_breaks_the_connection() -> None:
    assert violation_of(opened().receive_data(frame(1, b"\xff" * 9))) is Violation.ENVELOPE


def test_answers_that_came_whole_before_a_violation_stand() -> None:
    events = opened(streams=2).receive_data(answer(1, b"a") + header(0, 2) + answer(3, b"b"))

    assert events[0] == AnswerReceived(1, Response(b"a"))
    assert violation_of(events) is Violation.STREAM_ID
    assert len(events) == 2


def test_duplicate_answer_is_dropped_and_counted_and_the_first_wins() -> None:
    protocol = opened()

    events = protocol.receive_data(answer(1, b"first") + answer(1, b"second"))

    assert events == [
        AnswerReceived(1, Response(b"first")),
        AnswerDropped(1, Dropped.UNKNOWN),
    ]
    assert protocol.unknown_answers == 1


def test_late_answer_is_dropped_and_not_held_against_the_peer() -> None:
    protocol = opened()
    protocol.forget(1)

    assert protocol.receive_data(answer(1, b"late")) == [AnswerDropped(1, Dropped.LATE)]
    assert protocol.unknown_answers == 0
    assert protocol.open_streams == 0


def test_second_late_answer_to_one_stream_is_unknown() -> None:
    protocol = opened()
    protocol.forget(1)

    assert protocol.receive_data(answer(1) * 2) == [
        AnswerDropped(1, Dropped.LATE),
        AnswerDropped(1, Dropped.UNKNOWN),
    ]


def test_answer_whose_stream_is_forgotten_while_it_comes_is_late() -> None:
    protocol = opened()
    whole = answer(1, b"x" * 100)
    protocol.receive_data(whole[:50])
    protocol.forget(1)

    assert protocol.receive_data(whole[50:]) == [AnswerDropped(1, Dropped.LATE)]


def test_late_answer_is_held_against_the_cap_of_its_call() -> None:
    within, over = opened(256 * KIB), opened(256 * KIB)
    within.forget(1)
    over.forget(1)

    assert within.receive_data(header(256 * KIB, 1)) == []
    assert_too_large(over.receive_data(header(257 * KIB, 1)))


def test_memory_of_forgotten_streams_is_bounded() -> None:
    protocol = ClientProtocol()
    for _ in range(1000):
        protocol.forget(protocol.send_request(ASK, cap_bytes=KIB))

    assert protocol.receive_data(answer(1999)) == [AnswerDropped(1999, Dropped.LATE)]
    assert protocol.receive_data(answer(1)) == [AnswerDropped(1, Dropped.UNKNOWN)]
    assert len(protocol._forgotten) <= 256


def test_forgetting_what_is_not_open_changes_nothing() -> None:
    protocol = opened()
    protocol.receive_data(answer(1))
    protocol.forget(1)
    protocol.forget(99)

    assert protocol.receive_data(answer(99)) == [AnswerDropped(99, Dropped.UNKNOWN)]


def test_budget_of_unknown_answers_is_sixteen() -> None:
    protocol = opened()

    events = protocol.receive_data(answer(99) * MAX_UNKNOWN_ANSWERS)

    assert MAX_UNKNOWN_ANSWERS == 16
    assert events == [AnswerDropped(99, Dropped.UNKNOWN)] * 16
    assert violation_of(protocol.receive_data(answer(99))) is Violation.UNKNOWN_STREAM


def test_flood_of_empty_frames_ends_at_the_budget() -> None:
    events = opened().receive_data(frame(99) * 100_000)

    assert len(events) == MAX_UNKNOWN_ANSWERS + 1
    assert violation_of(events) is Violation.UNKNOWN_STREAM


@pytest.mark.parametrize("stream_id", [1, 99], ids=["late", "unknown"])
def test_body_of_an_answer_that_nobody_wants_is_not_kept(stream_id: int) -> None:
    protocol = opened()
    protocol.forget(1)
    body = b"x" * ERROR_ANSWER_BYTES
    tracemalloc.start()
    try:
        protocol.receive_data(header(len(body), stream_id))
        protocol.receive_data(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16_384


def test_end_between_answers_breaks_the_connection() -> None:
    protocol = opened()

    (broken,) = protocol.receive_eof()

    assert isinstance(broken, ConnectionBroken)
    assert isinstance(broken.error, ConnectionClosed)
    assert "by the peer" in str(broken.error)


@pytest.mark.parametrize("cut", range(1, len(answer(1, b"abc"))))
def test_end_in_the_middle_of_an_answer_gives_none_of_it(cut: int) -> None:
    protocol = opened()

    events = protocol.receive_data(answer(1, b"abc")[:cut]) + protocol.receive_eof()

    (broken,) = events
    assert isinstance(broken, ConnectionBroken)
    assert "in the middle of an answer" in str(broken.error)


def test_broken_connection_stays_broken() -> None:
    protocol = opened(streams=2)
    protocol.receive_data(header(0, 2))

    assert protocol.broken
    assert protocol.receive_data(answer(1)) == []
    assert protocol.receive_eof() == []
    assert protocol.data_to_send() == b""
    assert protocol.open_streams == 0
    with pytest.raises(ConnectionClosed):
        protocol.send_request(ASK, cap_bytes=KIB)


def test_request_over_what_the_wire_carries_is_refused_and_queues_nothing() -> None:
    protocol = ClientProtocol()

    with pytest.raises(MessageTooLarge):
        protocol.send_request(Request("s", "m", b"x" * MAX_MESSAGE_BYTES), cap_bytes=KIB)

    assert protocol.data_to_send() == b""
    assert protocol.send_request(ASK, cap_bytes=KIB) == 1


def test_stream_ids_end_before_they_wrap() -> None:
    protocol = ClientProtocol()
    protocol._next_id = 2**32 - 1

    assert protocol.send_request(ASK, cap_bytes=KIB) == 2**32 - 1
    with pytest.raises(ConnectionClosed, match="no stream id left"):
        protocol.send_request(ASK, cap_bytes=KIB)


def test_negative_timeout_is_refused() -> None:
    """To the Rust server it would mean no limit."""
    with pytest.raises(ValueError, match="negative"):
        ClientProtocol().send_request(Request("s", "m", b"", timeout_ns=-1), cap_bytes=KIB)


@pytest.mark.parametrize("key", ["", "Traceparent", "x" * 65, "é", "a\n", "a b"])
def test_metadata_key_that_the_wire_does_not_have_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="metadata key"):
        ClientProtocol().send_request(Request("s", "m", b"", metadata=((key, "v"),)), cap_bytes=KIB)
