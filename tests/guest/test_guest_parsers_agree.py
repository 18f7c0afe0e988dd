"""Prometheus' parser and prometheus_client's read a guest's page as we do, and read ours alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guest_texts import LIMITS, texts
from kata_exporter.exposition.text import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.scanner import parse_line
from kata_exporter.guest.schema import schema_for
from page_parsers import (
    ParsedSample,
    assert_parsers_agree,
    by_client,
    by_prometheus,
    need_prometheus,
)

pytestmark = pytest.mark.real

IDENTITY = r'sandbox_id="de\"mo\\",namespace="shop",pod="web-0"'

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}"
_KEY = r"(?!__name__)[a-zA-Z_][a-zA-Z0-9_]{0,8}"
_printable = st.text(min_size=1, max_size=20).filter(str.isprintable)
_labels = st.dictionaries(st.from_regex(_KEY, fullmatch=True), _printable, max_size=6)
_numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300).map(repr),
    st.sampled_from(["0", "-0", "1e5", "1E-7", "0.5", "18446744073709551615", "007"]),
)


@st.composite
def _samples(draw: st.DrawFn) -> tuple[str, ParsedSample]:
    """Return a line of a valid page, and what it says."""
    name = draw(st.from_regex(_NAME, fullmatch=True))
    labels, number = draw(_labels), draw(_numbers)
    pairs = ",".join(
        '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"'))
        for key, value in labels.items()
    )
    braces = f"{{{pairs}}}" if labels else ""
    sample = ParsedSample(name, frozenset(labels.items()), float(number))
    return f"{name}{braces} {number}\n", sample


@settings(max_examples=120, deadline=None)
@given(st.lists(_samples(), min_size=1, max_size=12))
def test_all_three_read_the_same_from_any_valid_page(
    drawn: list[tuple[str, ParsedSample]],
) -> None:
    need_prometheus()
    page = "".join(line for line, _ in drawn)

    ours = []
    for line, _ in drawn:
        read = parse_line(line.removesuffix("\n"), Limits())
        assert not isinstance(read, RejectReason), (line, read)
        sample, number = read
        labels = frozenset(sample.labels.items())
        ours.append(ParsedSample(sample.family, labels, float(number)))

    assert ours == [sample for _, sample in drawn]
    assert by_prometheus([page.encode()]) == [ours]
    # prometheus_client sorts samples into families.
    assert set(by_client(page.encode())) == set(ours)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_whatever_a_guest_sends_both_read_our_page_alike(text: str) -> None:
    need_prometheus()
    try:
        reader = GuestReader(IDENTITY, schema_for(""), limits=LIMITS, layouts=LayoutCache())
        reading = reader.read(text, 0.0)
    except GuestTextError:
        return
    page = render(reading.chunks)

    assert_parsers_agree(page)
    assert len(by_client(page)) == reading.samples


def test_a_page_that_is_none_is_told_by_both() -> None:
    need_prometheus()
    for page in (b'up{a="b} 1\n', b"up{} x\n", b"up\n"):
        with pytest.raises(ValueError):  # noqa: PT011  each parser has words of its own
            by_client(page)
        with pytest.raises(ValueError):  # noqa: PT011
            by_prometheus([page])
