"""Requests and responses keep their meaning over the wire, and garbage is told from both."""

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.ttrpc._pb import ttrpc_pb2 as pb
from kata_exporter.ttrpc.envelope import (
    ENVELOPE_BYTES,
    Request,
    Response,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)

texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(
    st.builds(
        Request,
        texts,
        texts,
        st.binary(max_size=100),
        st.integers(0, 2**63 - 1),
        st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    )
)
def test_request_survives_the_wire(request: Request) -> None:
    assert decode_request(encode_request(request)) == request


@given(st.builds(Response, st.binary(max_size=100), st.integers(-(2**31), 2**31 - 1), texts))
def test_response_survives_the_wire(response: Response) -> None:
    assert decode_response(encode_response(response)) == response


def test_absent_status_is_success() -> None:
    """As Go's server writes it."""
    assert decode_response(bytes.fromhex("1202 0801")) == Response(b"\x08\x01")


def test_empty_status_is_success() -> None:
    """As the Rust server writes it: the answer of a real agent to Check."""
    assert decode_response(bytes.fromhex("0a00 1202 0801")) == Response(b"\x08\x01")


def test_success_is_written_with_an_empty_status() -> None:
    assert encode_response(Response(b"\x08\x01")) == bytes.fromhex("0a00 1202 0801")


def test_empty_body_is_an_empty_success() -> None:
    assert decode_response(b"") == Response(b"")


def test_details_of_a_status_are_passed_over() -> None:
    """Field 3 holds messages of any type; nothing here resolves them."""
    status = pb.Status(code=13, message="m").SerializeToString() + bytes.fromhex("1a03 0a01 41")
    body = b"\x0a" + bytes([len(status)]) + status

    assert decode_response(body) == Response(b"", 13, "m")


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_give_none(data: bytes) -> None:
    for decoded, kind in ((decode_request(data), Request), (decode_response(data), Response)):
        assert decoded is None or isinstance(decoded, kind)


def test_text_that_is_no_utf8_gives_none() -> None:
    assert decode_response(bytes.fromhex("0a04 0801 1201") + b"\xff") is None


def test_deep_nesting_gives_none() -> None:
    """Unknown groups, one in the other, a hundred thousand deep."""
    assert decode_response(b"\x23" * 100_000) is None


def test_envelope_of_a_success_stays_within_its_allowance() -> None:
    payload = b"x" * (4 << 20)

    assert len(encode_response(Response(payload))) - len(payload) <= ENVELOPE_BYTES
