"""Frames are cut the same however the bytes come, and cost what came, not what was announced."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.ttrpc.frames import Frame, FrameReader, FrameType, Header, encode_frame
from wire import HEADER_BYTES, frame, header

frames = st.builds(
    lambda stream_id, body, kind, flags: (Header(len(body), stream_id, kind, flags), body),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=60),
    st.integers(0, 255),
    st.integers(0, 255),
)


def keep_all(_: Header) -> bool:
    return True


class Refused(Exception):
    pass


def read(reader: FrameReader, data: bytes, cuts: list[int]) -> list[Frame]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    return [found for piece in pieces for found in reader.feed(piece)]


def test_header_is_ten_bytes_big_endian() -> None:
    assert (
        encode_frame(5, FrameType.REQUEST, b"abc")
        == bytes.fromhex("00000003 00000005 01 00") + b"abc"
    )
    assert encode_frame(2**32 - 1, FrameType.RESPONSE, b"", 0xFF) == bytes.fromhex(
        "00000000 ffffffff 02 ff"
    )


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 10**6), max_size=12))
def test_frames_come_back_whole_however_they_are_cut(
    sent: list[tuple[Header, bytes]], cuts: list[int]
) -> None:
    data = b"".join(
        frame(head.stream_id, body, kind=head.type, flags=head.flags) for head, body in sent
    )

    found = read(FrameReader(keep_all), data, cuts)

    assert found == [Frame(head, body) for head, body in sent]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 10**6), max_size=12))
def test_bodies_that_are_not_kept_are_read_past(
    sent: list[tuple[Header, bytes]], cuts: list[int]
) -> None:
    data = b"".join(
        frame(head.stream_id, body, kind=head.type, flags=head.flags) for head, body in sent
    )

    found = read(FrameReader(lambda head: head.stream_id % 2 == 1), data, cuts)

    assert found == [Frame(head, body if head.stream_id % 2 else None) for head, body in sent]


def test_header_is_judged_with_its_last_byte_and_before_the_body() -> None:
    judged: list[Header] = []

    def admit(head: Header) -> bool:
        judged.append(head)
        return True

    reader = FrameReader(admit)
    whole = frame(1, b"body")

    assert list(reader.feed(whole[: HEADER_BYTES - 1])) == []
    assert judged == []
    assert reader.mid_frame
    assert list(reader.feed(whole[HEADER_BYTES - 1 : HEADER_BYTES])) == []
    assert judged == [Header(4, 1, 2, 0)]
    assert list(reader.feed(whole[HEADER_BYTES:])) == [Frame(Header(4, 1, 2, 0), b"body")]
    assert not reader.mid_frame


def test_header_is_judged_after_the_frame_before_it_was_taken() -> None:
    order: list[str] = []

    def admit(head: Header) -> bool:
        order.append(f"admit {head.stream_id}")
        return True

    for found in FrameReader(admit).feed(frame(1) + frame(3)):
        order.append(f"take {found.header.stream_id}")  # noqa: PERF401  the order is what counts

    assert order == ["admit 1", "take 1", "admit 3", "take 3"]


def test_refusal_ends_the_reading_and_passes_through() -> None:
    def admit(head: Header) -> bool:
        if head.stream_id == 3:
            raise Refused
        return True

    data = frame(1, b"a") + frame(3, b"b") + frame(5, b"c")
    found: list[bytes | None] = []
    with pytest.raises(Refused):
        found.extend(whole.body for whole in FrameReader(admit).feed(data))

    assert found == [b"a"]


@pytest.mark.parametrize("keep", [True, False])
def test_four_gib_announced_takes_no_memory_until_it_comes(*, keep: bool) -> None:
    reader = FrameReader(lambda _: keep)
    tracemalloc.start()
    try:
        assert list(reader.feed(header(2**32 - 1, 1) + b"x" * 100)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16_384
    assert reader.mid_frame
