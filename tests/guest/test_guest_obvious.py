"""Both paths of the reader give what a slow, obvious reading gives, on any text.

The obvious one is written here, character by character, and shares with the reader the schema alone:
it has no patterns, no layouts and no skeletons.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from guest_texts import LIMITS, heads, lines, numbers, plain, texts
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.schema import Schema, schema_for
from kata_exporter.metrics import MetricType

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
DIGITS = "0123456789"


@dataclass
class Reading:
    """What a text comes to: values by series, and why lines were dropped."""

    values: dict[str, float] = field(default_factory=dict)
    rejected: Counter[RejectReason] = field(default_factory=Counter)
    refused: RejectReason | None = None


class _BadLine(Exception):
    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Cursor:
    """Walks over a head."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, expected: str) -> None:
        if self.next != expected:
            raise _BadLine(RejectReason.BAD_SYNTAX)
        self.at += 1

    def word(self, more: str = "") -> str:
        start = self.at
        while self.next and self.next in LETTERS + more + (DIGITS if self.at > start else ""):
            self.at += 1
        if self.at == start:
            raise _BadLine(RejectReason.BAD_SYNTAX)
        return self.text[start : self.at]

    def quoted(self) -> str:
        self.take('"')
        found = ""
        while self.next != '"':
            if self.next == "\\":
                self.at += 1
                if not self.next or self.next not in '\\"n':
                    raise _BadLine(RejectReason.BAD_SYNTAX)
                found += "\n" if self.next == "n" else self.next
            elif not self.next:
                raise _BadLine(RejectReason.BAD_SYNTAX)
            else:
                found += self.next
            self.at += 1
        self.take('"')
        return found


def _head(text: str, limits: Limits) -> tuple[str, dict[str, str]]:
    cursor = _Cursor(text)
    family = cursor.word(":")
    pairs: list[tuple[str, str]] = []
    if cursor.next == "{":
        cursor.take("{")
        while cursor.next != "}":
            if pairs:
                cursor.take(",")
            key = cursor.word()
            cursor.take("=")
            pairs.append((key, cursor.quoted()))
        cursor.take("}")
    if cursor.next:
        raise _BadLine(RejectReason.BAD_SYNTAX)
    if len(pairs) > limits.labels:
        raise _BadLine(RejectReason.TOO_MANY_LABELS)
    if len(dict(pairs)) < len(pairs):
        raise _BadLine(RejectReason.BAD_LABEL)
    for _, value in pairs:
        if not value or len(value) > limits.label_characters or not value.isprintable():
            raise _BadLine(RejectReason.BAD_LABEL)
    return family, dict(pairs)


def _is_number(text: str) -> bool:
    body = text.removeprefix("-")
    mantissa, letter, exponent = body.partition("e") if "e" in body else body.partition("E")
    whole, point, fraction = mantissa.partition(".")
    exponent = exponent[1:] if exponent[:1] in {"+", "-"} and exponent else exponent
    parts = [whole, *([fraction] if point else []), *([exponent] if letter else [])]
    return all(part and all(char in DIGITS for char in part) for part in parts)


def _line(line: str, limits: Limits) -> tuple[str, dict[str, str], str]:
    head, _, number = line.rpartition(" ")
    try:
        family, labels = _head(head, limits)
    except _BadLine as bad:
        inner, _, before = head.rpartition(" ")
        if bad.reason is RejectReason.BAD_SYNTAX and _is_number(before) and _is_head(inner):
            raise _BadLine(RejectReason.TIMESTAMP) from None
        raise
    if not _is_number(number) or abs(float(number)) > 1e300:
        raise _BadLine(RejectReason.BAD_NUMBER)
    return family, labels, number


def _is_head(text: str) -> bool:
    try:
        _head(text, Limits(labels=10**6, label_characters=10**6))
    except _BadLine as bad:
        return bad.reason is RejectReason.BAD_LABEL
    return True


def obvious(text: str, schema: Schema, limits: Limits) -> Reading:
    """Read a text in the plainest way."""
    reading = Reading()
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        too_large = len(text) > limits.text_bytes
        reading.refused = RejectReason.TEXT_TOO_LARGE if too_large else RejectReason.BAD_ENCODING
        return reading
    if size > limits.text_bytes:
        reading.refused = RejectReason.TEXT_TOO_LARGE
        return reading
    found = text.removesuffix("\n").split("\n")
    if len(found) > limits.lines:
        reading.refused = RejectReason.TOO_MANY_LINES
        return reading
    for line in found:
        if len(line) > limits.line_characters:
            reading.rejected[RejectReason.LINE_TOO_LONG] += 1
        elif line and not line.startswith("#"):
            try:
                _take(line, schema, limits, reading)
            except _BadLine as bad:
                reading.rejected[bad.reason] += 1
    if not reading.values:
        reading.refused = RejectReason.NOTHING_USABLE
    return reading


def _take(line: str, schema: Schema, limits: Limits, reading: Reading) -> None:
    family, labels, number = _line(line, limits)
    target = schema.resolve(family, labels)
    if target is None:
        return
    if isinstance(target, RejectReason):
        raise _BadLine(target)
    series = f"{target.metric.name}{{{target.pairs}}}"
    if target.metric.type is MetricType.COUNTER and float(number) < 0:
        raise _BadLine(RejectReason.NEGATIVE_COUNTER)
    if series in reading.values:
        raise _BadLine(RejectReason.DUPLICATE)
    if len(reading.values) >= limits.series:
        raise _BadLine(RejectReason.TOO_MANY_SERIES)
    (converted,) = target.convert([_plain(number)])
    reading.values[series] = float(converted)


def _plain(number: str) -> str:
    """Return a number as conversions take it."""
    is_whole = all(char in DIGITS for char in number) and (number == "0" or number[0] != "0")
    return number if is_whole and len(number) <= 20 else repr(float(number))


def _read(reader: GuestReader, text: str) -> Reading:
    try:
        reading = reader.read(text, 0.0)
    except GuestTextError as error:
        return Reading(refused=error.reason)
    values: dict[str, float] = {}
    for chunk in reading.chunks:
        for prefix, value in zip(chunk.shape.prefixes, chunk.values, strict=True):
            values[prefix.rstrip()] = float(value)
    assert len(values) == reading.samples
    return Reading(values, Counter(reading.rejected))


def _assert_same(read: Reading, expected: Reading) -> None:
    assert read.refused == expected.refused
    if expected.refused is None:
        assert read.values == expected.values
        assert read.rejected == expected.rejected


def _reader(schema: Schema) -> GuestReader:
    return GuestReader("", schema, limits=LIMITS, layouts=LayoutCache())


versions = st.sampled_from(["", "2.0.0", "2.5.0", "3.2.0", "4.1.0"])


@settings(max_examples=500)
@given(texts, versions)
def test_slow_path_gives_what_the_obvious_reading_gives(text: str, version: str) -> None:
    schema = schema_for(version)

    _assert_same(_read(_reader(schema), text), obvious(text, schema, LIMITS))


@settings(max_examples=300)
@given(st.lists(heads, min_size=1, max_size=10), st.data())
def test_fast_path_gives_what_the_obvious_reading_gives(
    some_heads: Sequence[str], data: st.DataObject
) -> None:
    schema = schema_for("")
    reader = _reader(schema)
    last: dict[str, float] = {}
    for _ in range(4):
        values = st.one_of(plain, plain, plain, numbers)
        text = "\n".join(f"{head} {data.draw(values)}" for head in some_heads)
        expected = obvious(text, schema, LIMITS)
        # What a counter last was is the one thing that a reader remembers of values.
        for series, value in expected.values.items():
            wavers = 'mode="idle"' in series or 'mode="iowait"' in series
            if wavers and 0 < last.get(series, 0.0) - value < 3:
                expected.values[series] = last[series]
        last.update(expected.values)

        _assert_same(_read(reader, text), expected)


@settings(max_examples=200)
@given(st.lists(lines, max_size=12), st.integers(0, 12), st.booleans())
def test_a_line_more_or_less_makes_no_difference_to_the_others(
    some_lines: Sequence[str],
    place: int,
    ends: bool,  # noqa: FBT001  drawn
) -> None:
    schema = schema_for("")
    reader = _reader(schema)
    shorter = [*some_lines[:place], *some_lines[place + 1 :]]
    for chosen in (some_lines, some_lines, shorter, some_lines):
        text = "\n".join(chosen) + ("\n" if ends else "")

        _assert_same(_read(reader, text), obvious(text, schema, LIMITS))
