"""What holds for the client's core whatever bytes come, and however they are cut."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from core_pair import CorePair
from kata_exporter.ttrpc import ConnectionClosed, MessageTooLarge, ProtocolViolation
from kata_exporter.ttrpc.client_protocol import (
    AnswerDropped,
    AnswerReceived,
    ClientProtocol,
    ConnectionBroken,
    Event,
)
from kata_exporter.ttrpc.envelope import Request, Response
from wire import answer, frame, header, refusal

CAP = 64
STREAMS = (1, 3, 5)

stream_ids = st.sampled_from([*STREAMS, 7, 99, 0, 2])
pieces = st.one_of(
    st.builds(answer, stream_ids, st.binary(max_size=CAP + 4)),
    st.builds(refusal, stream_ids, st.integers(1, 20), st.text(max_size=9)),
    st.builds(frame, stream_ids, st.binary(max_size=30)),
    st.builds(header, st.integers(0, 2**32 - 1), stream_ids),
    st.builds(
        lambda kind, flags, body: frame(1, body, kind=kind, flags=flags),
        st.sampled_from([0, 1, 2, 3, 9]),
        st.sampled_from([0, 0, 1, 255]),
        st.binary(max_size=9),
    ),
    st.binary(max_size=20),
)
streams_of_bytes = st.lists(pieces, max_size=8).map(b"".join)


def opened() -> ClientProtocol:
    protocol = ClientProtocol(max_unknown_answers=3)
    for _ in STREAMS:
        protocol.send_request(Request("s", "m", b""), cap_bytes=CAP)
    protocol.forget(STREAMS[-1])
    return protocol


def told(events: list[Event]) -> list[object]:
    """What the events say, in a form that compares."""
    return [
        (type(event.error), str(event.error)) if isinstance(event, ConnectionBroken) else event
        for event in events
    ]


@given(streams_of_bytes, st.lists(st.integers(0, 10**6), max_size=20))
def test_any_cutting_of_the_bytes_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    whole, cut = opened(), opened()

    expected = whole.receive_data(data) + whole.receive_eof()
    events = [
        event for start, end in pairwise(edges) for event in cut.receive_data(data[start:end])
    ] + cut.receive_eof()

    assert told(events) == told(expected)


@given(streams_of_bytes)
def test_byte_by_byte_gives_the_same_events(data: bytes) -> None:
    whole, cut = opened(), opened()

    events = [event for byte in data for event in cut.receive_data(bytes([byte]))]

    assert told(events) == told(whole.receive_data(data))


@given(st.one_of(streams_of_bytes, st.binary(max_size=300)))
@settings(max_examples=300)
def test_any_bytes_give_events_that_keep_the_rules_and_nothing_else(data: bytes) -> None:
    protocol = opened()

    events = protocol.receive_data(data) + protocol.receive_eof()

    *before, last = events
    assert isinstance(last, ConnectionBroken)
    assert isinstance(last.error, ProtocolViolation | MessageTooLarge | ConnectionClosed)
    received = [event.stream_id for event in before if isinstance(event, AnswerReceived)]
    dropped = [event for event in before if isinstance(event, AnswerDropped)]
    assert len(received) + len(dropped) == len(before)
    assert len(set(received)) == len(received)
    assert set(received) <= set(STREAMS[:-1])
    assert all(
        len(event.response.payload) <= CAP
        for event in before
        if isinstance(event, AnswerReceived) and event.response.code == 0
    )
    assert protocol.broken


@given(
    st.lists(
        st.tuples(st.binary(max_size=40), st.integers(0, 20), st.text(max_size=20)), max_size=6
    ),
    st.integers(1, 40),
)
def test_both_cores_joined_give_each_call_its_own_answer(
    wanted: list[tuple[bytes, int, str]], cut: int
) -> None:
    def handle(request: Request) -> Response:
        payload, code, message = wanted[int(request.method)]
        return Response(payload, code, message)

    pair = CorePair(handle)
    for number in range(len(wanted)):
        pair.client.send_request(Request("s", str(number), b"nonce"), cap_bytes=CAP)

    assert pair.exchange(cut=cut) == [
        AnswerReceived(2 * number + 1, Response(*parts)) for number, parts in enumerate(wanted)
    ]
