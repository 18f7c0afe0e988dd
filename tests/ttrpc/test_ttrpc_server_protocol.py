"""The server's core does with a client's faults what the agent's own server does."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.ttrpc import Code
from kata_exporter.ttrpc.envelope import Request, Response
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from kata_exporter.ttrpc.server_protocol import RequestReceived, ServerProtocol
from wire import DATA, REQUEST, RESPONSE, asked, frame, header, response_of_size, responses_of

INVALID = Code.INVALID_ARGUMENT


def refusals(server: ServerProtocol) -> list[tuple[int, int]]:
    return [(stream_id, code) for stream_id, code, _, _ in responses_of(server.data_to_send())]


def test_request_is_received_and_answered_under_its_stream() -> None:
    server = ServerProtocol()

    assert server.receive_data(asked(7, "grpc.Health", "Check", b"p")) == [
        RequestReceived(7, Request("grpc.Health", "Check", b"p"))
    ]
    server.send_response(7, Response(b"a"))

    assert server.data_to_send() == bytes.fromhex("00000005 00000007 02 00 0a00 1201 61")
    assert server.data_to_send() == b""


def test_stream_ids_may_repeat_and_fall() -> None:
    """The real server checks neither, and answers each."""
    received = ServerProtocol().receive_data(asked(9) + asked(3) + asked(3))

    assert [request.stream_id for request in received] == [9, 3, 3]


@pytest.mark.parametrize("stream_id", [0, 2, 2**32 - 2])
def test_even_stream_is_refused_under_its_own_id(stream_id: int) -> None:
    server = ServerProtocol()

    assert server.receive_data(asked(stream_id)) == []
    assert responses_of(server.data_to_send()) == [
        (stream_id, INVALID, "stream id must be odd", b"")
    ]


@pytest.mark.parametrize("kind", [0, RESPONSE, 4, 255])
def test_frame_that_is_no_request_is_ignored_without_an_answer(kind: int) -> None:
    server = ServerProtocol()

    assert server.receive_data(frame(1, b"x", kind=kind)) == []
    assert server.data_to_send() == b""


@pytest.mark.parametrize("kind", [REQUEST, RESPONSE, DATA, 9])
def test_a_frame_of_any_type_is_refused_that_is_too_long_or_on_an_even_stream(kind: int) -> None:
    server = ServerProtocol()

    server.receive_data(frame(1, bytes(MAX_MESSAGE_BYTES + 1), kind=kind))
    assert refusals(server) == [(1, INVALID)]
    server.receive_data(frame(2, kind=kind))
    assert responses_of(server.data_to_send()) == [(2, INVALID, "stream id must be odd", b"")]


def test_data_on_no_stream_is_refused() -> None:
    server = ServerProtocol()

    assert server.receive_data(frame(1, b"x", kind=DATA)) == []
    assert responses_of(server.data_to_send()) == [(1, INVALID, "Stream is no longer active", b"")]


@pytest.mark.parametrize("flags", [1, 2, 4, 0xFF])
def test_flags_of_a_request_are_not_looked_at(flags: int) -> None:
    request = asked(1)

    received = ServerProtocol().receive_data(request[:9] + bytes([flags]) + request[10:])

    assert [found.stream_id for found in received] == [1]


def test_request_without_bytes_is_a_request_for_no_service() -> None:
    assert ServerProtocol().receive_data(frame(1, kind=REQUEST)) == [
        RequestReceived(1, Request("", "", b""))
    ]


def test_request_that_is_no_message_is_refused() -> None:
    server = ServerProtocol()

    assert server.receive_data(frame(1, b"\xff" * 5, kind=REQUEST)) == []
    assert refusals(server) == [(1, INVALID)]


def test_request_of_four_mib_passes_and_one_byte_more_is_read_past_and_refused() -> None:
    server = ServerProtocol()
    most = frame(1, b"\x1a\xfb\xff\xff\x01" + b"x" * (MAX_MESSAGE_BYTES - 5), kind=REQUEST)
    over = header(MAX_MESSAGE_BYTES + 1, 3, kind=REQUEST) + b"x" * (MAX_MESSAGE_BYTES + 1)

    assert [found.stream_id for found in server.receive_data(most)] == [1]
    received = server.receive_data(over + asked(5))

    assert [found.stream_id for found in received] == [5]
    assert refusals(server) == [(3, INVALID)]


def test_four_gib_announced_take_no_memory_and_wait_for_ever() -> None:
    server = ServerProtocol()
    tracemalloc.start()
    try:
        assert server.receive_data(header(2**32 - 1, 1, kind=REQUEST) + asked(3)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16_384
    assert server.data_to_send() == b""


def test_own_answer_over_four_mib_is_replaced_by_a_refusal() -> None:
    server = ServerProtocol()
    # The status of success takes two bytes more.
    server.send_response(1, Response(response_of_size(MAX_MESSAGE_BYTES - 2)))
    server.send_response(3, Response(response_of_size(MAX_MESSAGE_BYTES)))

    assert refusals(server) == [(1, 0), (3, INVALID)]


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_cut_anyhow_give_the_same_requests_and_answers(data: bytes, size: int) -> None:
    whole, cut = ServerProtocol(), ServerProtocol()

    expected = whole.receive_data(data)
    received = [
        request
        for at in range(0, len(data), size)
        for request in cut.receive_data(data[at : at + size])
    ]

    assert received == expected
    assert cut.data_to_send() == whole.data_to_send()
