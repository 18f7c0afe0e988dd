"""Take a guest's text apart: bounded, in one pass, with work linear in the text.

The grammar is narrower than the text format 0.0.4: ``family{key="value",...} number``, one space,
nothing behind the number. Comments are passed over, HELP and TYPE among them: ours count.

Rules that keep it linear:
- Nothing is read twice: a repeat of characters is possessive, and each turn of a group begins with
  a character that ends the one before.
- A line is parsed once, by a fixed number of patterns, and only up to its cap.
"""

import re
from typing import NamedTuple

from kata_exporter.guest.limits import Limits
from kata_exporter.guest.numbers import PLAIN, is_number
from kata_exporter.guest.rejects import GuestTextError, RejectReason

_VALUE = r'[^"\\]*+(?:\\[\\"n][^"\\]*+)*'
_PAIR = rf'[a-zA-Z_][a-zA-Z0-9_]*+="{_VALUE}"'
_HEAD = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*+)"
    rf"(?:\{{({_PAIR}(?:,{_PAIR})*)?\}})?"
)  # fmt: skip
_PAIRS = re.compile(rf'([a-zA-Z_][a-zA-Z0-9_]*+)="({_VALUE})"')
_ESCAPE = re.compile(r'\\([\\"n])')
_PLAIN_VALUE = re.compile(rf" ({PLAIN})\n")


class RawSample(NamedTuple):
    """A sample as the guest names it; label values are unescaped and within their limits."""

    family: str
    labels: dict[str, str]


def checked(text: str, limits: Limits) -> str:
    """Return `text`, ended by a line feed, if it may be read at all.

    Raises:
        GuestTextError: the text is too large, or holds lone surrogates.
    """
    if len(text) > limits.text_bytes:
        raise GuestTextError(RejectReason.TEXT_TOO_LARGE)
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise GuestTextError(RejectReason.BAD_ENCODING) from None
        if size > limits.text_bytes:
            raise GuestTextError(RejectReason.TEXT_TOO_LARGE)
    return text if text.endswith("\n") else text + "\n"


def split_values(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Part a text, ended by a line feed, into its skeleton and its plain values.

    Piece i of the skeleton ends where a line had value i; the last piece has none. Lines that don't
    end in a plain number, as comments, stay whole in the piece of the next one that does.
    """
    parts = _PLAIN_VALUE.split(text)
    return tuple(parts[::2]), parts[1::2]


def parse_head(head: str, limits: Limits) -> RawSample | RejectReason:
    """Parse what stands before the space and the number of a sample's line."""
    match = _HEAD.fullmatch(head)
    if match is None:
        return _why_no_head(head)
    family, pairs = match.groups()
    return RawSample(family, {}) if pairs is None else _with_labels(family, pairs, limits)


def parse_line(line: str, limits: Limits) -> tuple[RawSample, str] | RejectReason:
    """Parse a whole line: a sample, and its number as the guest wrote it."""
    head, _, number = line.rpartition(" ")
    sample = parse_head(head, limits)
    if isinstance(sample, RejectReason):
        return sample
    return (sample, number) if is_number(number) else RejectReason.BAD_NUMBER


def _why_no_head(head: str) -> RejectReason:
    """Tell a sample whose last number was a timestamp from what is no sample."""
    inner, _, number = head.rpartition(" ")
    if is_number(number) and _HEAD.fullmatch(inner):
        return RejectReason.TIMESTAMP
    return RejectReason.BAD_SYNTAX


def _with_labels(family: str, pairs: str, limits: Limits) -> RawSample | RejectReason:
    found = _PAIRS.findall(pairs)
    if len(found) > limits.labels:
        return RejectReason.TOO_MANY_LABELS
    labels = {key: _unescaped(value) for key, value in found}
    if len(labels) < len(found):
        return RejectReason.BAD_LABEL
    for value in labels.values():
        # isprintable is false for control characters, line breaks and marks of direction.
        if not 0 < len(value) <= limits.label_characters or not value.isprintable():
            return RejectReason.BAD_LABEL
    return RawSample(family, labels)


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], value)
