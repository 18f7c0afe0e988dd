"""The scanner: its grammar, its bounds, and that its work is linear in the text."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.guest import numbers, scanner
from kata_exporter.guest.layout import lay_out
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.scanner import (
    RawSample,
    checked,
    parse_head,
    parse_line,
    split_values,
)
from kata_exporter.guest.schema import schema_for

LIMITS = Limits()


@pytest.mark.parametrize(
    ("head", "sample"),
    [
        ("a", RawSample("a", {})),
        ("a{}", RawSample("a", {})),
        ("a:b_C9", RawSample("a:b_C9", {})),
        ('a{b="c"}', RawSample("a", {"b": "c"})),
        ('a{b="c",d="e f"}', RawSample("a", {"b": "c", "d": "e f"})),
        (r'a{b="\\"}', RawSample("a", {"b": "\\"})),
        (r'a{b="\"x\""}', RawSample("a", {"b": '"x"'})),
        ('a{b="}"}', RawSample("a", {"b": "}"})),
        ('a{b=",c=",d="{"}', RawSample("a", {"b": ",c=", "d": "{"})),
        ('a{b="/mnt/é"}', RawSample("a", {"b": "/mnt/é"})),
        ('a{b="' + "x" * 256 + '"}', RawSample("a", {"b": "x" * 256})),
    ],
)
def test_head_is_read(head: str, sample: RawSample) -> None:
    assert parse_head(head, LIMITS) == sample


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("", RejectReason.BAD_SYNTAX),
        ("9a", RejectReason.BAD_SYNTAX),
        ("é", RejectReason.BAD_SYNTAX),
        ("a b", RejectReason.BAD_SYNTAX),
        ("a ", RejectReason.BAD_SYNTAX),
        (" a", RejectReason.BAD_SYNTAX),
        ("\ufeffa", RejectReason.BAD_SYNTAX),
        ("a{", RejectReason.BAD_SYNTAX),
        ('a{b="c"', RejectReason.BAD_SYNTAX),
        ('a{b="c}', RejectReason.BAD_SYNTAX),
        ('a{b="c",}', RejectReason.BAD_SYNTAX),
        ('a{,b="c"}', RejectReason.BAD_SYNTAX),
        ('a{b="c" ,d="e"}', RejectReason.BAD_SYNTAX),
        ('a{b = "c"}', RejectReason.BAD_SYNTAX),
        ("a{b='c'}", RejectReason.BAD_SYNTAX),
        ('a{b-c="d"}', RejectReason.BAD_SYNTAX),
        ('a{"b"="c"}', RejectReason.BAD_SYNTAX),
        ('{"a",b="c"}', RejectReason.BAD_SYNTAX),
        (r'a{b="\x"}', RejectReason.BAD_SYNTAX),
        (r'a{b="\"}', RejectReason.BAD_SYNTAX),
        ('a{b="c"} 5 #', RejectReason.BAD_SYNTAX),
        ('a{b="c"} 5', RejectReason.TIMESTAMP),
        ("a -1.5e3", RejectReason.TIMESTAMP),
        ('a{b=""}', RejectReason.BAD_LABEL),
        ('a{b="c",b="d"}', RejectReason.BAD_LABEL),
        ('a{b="' + "x" * 257 + '"}', RejectReason.BAD_LABEL),
        (r'a{b="x\ny"}', RejectReason.BAD_LABEL),
        ('a{b="x\0y"}', RejectReason.BAD_LABEL),
        ('a{b="\x1b[31m"}', RejectReason.BAD_LABEL),
        ('a{b="\u202egnp"}', RejectReason.BAD_LABEL),
        ('a{b="\u2066x"}', RejectReason.BAD_LABEL),
        ('a{b="x\x0by"}', RejectReason.BAD_LABEL),
        ('a{b="x\u2028y"}', RejectReason.BAD_LABEL),
        ('a{b="x\x85y"}', RejectReason.BAD_LABEL),
        ('a{b="\ue000"}', RejectReason.BAD_LABEL),
        ("a{" + ",".join(f'l{i}="x"' for i in range(9)) + "}", RejectReason.TOO_MANY_LABELS),
    ],
)
def test_head_is_refused(head: str, reason: RejectReason) -> None:
    assert parse_head(head, LIMITS) is reason


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ('a{b="c d"} -5', (RawSample("a", {"b": "c d"}), "-5")),
        ("a 1e5", (RawSample("a", {}), "1e5")),
        ("a NaN", RejectReason.BAD_NUMBER),
        ("a +Inf", RejectReason.BAD_NUMBER),
        ("a 0x1p4", RejectReason.BAD_NUMBER),
        ("a 1_000", RejectReason.BAD_NUMBER),
        ("a ٣", RejectReason.BAD_NUMBER),
        ("a 1\r", RejectReason.BAD_NUMBER),
        ("a ", RejectReason.BAD_NUMBER),
        ("a 1 -5", RejectReason.TIMESTAMP),
        ('a 1 # {trace_id="x"} 1e0', RejectReason.BAD_SYNTAX),
        ("a  -5", RejectReason.BAD_SYNTAX),
        ("a", RejectReason.BAD_SYNTAX),
        ('a{b="c d"}', RejectReason.BAD_SYNTAX),
        ("a\t-5", RejectReason.BAD_SYNTAX),
    ],
)
def test_line_is_parsed(line: str, parsed: object) -> None:
    assert parse_line(line, LIMITS) == parsed


def test_split_takes_plain_values_and_keeps_the_rest() -> None:
    text = '# HELP a b\na{b="1"} 5\na 1.5\na -3\na 1e5\na 7\n'

    skeleton, values = split_values(text)

    assert values == ["5", "1.5", "7"]
    assert skeleton == ('# HELP a b\na{b="1"}', "a", "a -3\na 1e5\na", "")


@given(st.text(alphabet="a 159.-\n#", max_size=60))
def test_split_loses_nothing(text: str) -> None:
    skeleton, values = split_values(text)

    tails = [f" {value}\n" for value in values] + [""]
    assert "".join(a + b for a, b in zip(skeleton, tails, strict=True)) == text


def test_text_gets_its_last_line_feed() -> None:
    assert checked("a 1", LIMITS) == "a 1\n"
    assert checked("a 1\n", LIMITS) == "a 1\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 101, RejectReason.TEXT_TOO_LARGE),
        ("é" * 51, RejectReason.TEXT_TOO_LARGE),
        ('a{b="\ud800"} 1', RejectReason.BAD_ENCODING),
    ],
)
def test_text_is_refused_whole(text: str, reason: RejectReason) -> None:
    with pytest.raises(GuestTextError) as caught:
        checked(text, Limits(text_bytes=100))

    assert caught.value.reason is reason


def test_text_at_its_limit_is_taken() -> None:
    assert checked("é" * 50, Limits(text_bytes=100)) == "é" * 50 + "\n"


PATTERNS = (
    scanner._HEAD,
    scanner._PAIRS,
    scanner._ESCAPE,
    scanner._PLAIN_VALUE,
    numbers._PLAIN,
    numbers._NUMBER,
)


_CHARACTERS = {sre.IN, sre.LITERAL, sre.NOT_LITERAL, sre.ANY}


def _doubtful(node: Any) -> Iterator[object]:
    """Yield every repeat below a node of a parsed pattern that isn't as it must be.

    A repeat of characters may give nothing back, so that no text is read again and again. One of a
    group may not be possessive: before Python 3.11.5 its last turn, if it fails in its middle, keeps
    what it had taken.
    """
    for operator, argument in node:
        if operator in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            low, high, repeated = argument
            of_characters = len(repeated) == 1 and repeated[0][0] in _CHARACTERS
            if low != high and of_characters != (operator is sre.POSSESSIVE_REPEAT):
                yield operator, argument
        for part in argument if isinstance(argument, tuple) else ():
            if isinstance(part, sre_parser.SubPattern):
                yield from _doubtful(part)
            elif isinstance(part, list):
                for branch in part:
                    yield from _doubtful(branch)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.pattern[:24])
def test_characters_are_never_given_back_and_groups_never_kept(pattern: re.Pattern[str]) -> None:
    assert not list(_doubtful(sre_parser.parse(pattern.pattern)))


@pytest.mark.parametrize("pattern", [r"x(?:a|(?:b+)c)y", r"x(?:a|(?:bc)++)y"])
def test_the_check_of_repeats_finds_what_it_looks_for(pattern: str) -> None:
    assert list(_doubtful(sre_parser.parse(pattern)))


@pytest.mark.parametrize(
    "head", ['a{b="c",}', 'a{b="c",junk}', 'a{b="c",d=}', 'a{b="\\x"}', "a{,}"]
)
def test_labels_that_end_in_their_middle_are_no_labels(head: str) -> None:
    assert scanner._HEAD.fullmatch(head) is None


@pytest.mark.parametrize("text", ["1e", "1E", "1e+", "1.", "-", "1.5e", "0x", "1.2.3"])
def test_numbers_that_end_in_their_middle_are_no_numbers(text: str) -> None:
    assert not numbers.is_number(text)
    assert numbers.canonical(text) is None


HOSTILE: dict[str, Callable[[int], str]] = {
    "labels never closed": lambda size: 'a{a="' * (size // 5),
    "a label never closed, per line": lambda size: 'a{a="x\n' * (size // 7),
    "backslashes": lambda size: 'a{a="' + "\\" * size,
    "escapes never closed": lambda size: 'a{a="' + "\\n" * (size // 2),
    "labels of escapes never closed": lambda size: "a{" + 'a="\\n\\n",' * (size // 9),
    "backslashes, per line": lambda size: ('a{a="' + "\\" * 50 + '"} 1\n') * (size // 60),
    "one line": lambda size: "a" * size,
    "spaces": lambda size: " " * size,
    "digits": lambda size: "a " + "1" * size,
    "numbers on one line": lambda size: "a" + " 1" * (size // 2),
    "labels of one sample": lambda size: "a{" + 'a="1",' * (size // 6) + "} 1\n",
    "samples of one series": lambda size: "a 1\n" * (size // 4),
    "samples with timestamps": lambda size: "a 1 2\n" * (size // 6),
    "empty lines": lambda size: "\n" * size,
    "comments": lambda size: "# 1\n" * (size // 4),
    "series of the schema": lambda size: "".join(
        f'kata_guest_netdev_stat{{interface="e{i}",item="recv_bytes"}} 1\n'
        for i in range(size // 60)
    ),
}
WIDE = Limits(lines=1 << 20, text_bytes=1 << 22)


def _work(text: str) -> int:
    """Count the calls, of Python and of C, that a scan of `text` makes."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        del frame, argument
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with suppress(GuestTextError):  # what is counted is the way there
            skeleton, values = split_values(checked(text, WIDE))
            lay_out(skeleton, values, schema_for(""), WIDE)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_is_at_most_twice_the_work(name: str) -> None:
    size = 1 << 14

    once, twice = _work(HOSTILE[name](size)), _work(HOSTILE[name](2 * size))

    assert twice <= 2 * once + 20


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mebibyte_of_anything_ends_within_the_limits(name: str) -> None:
    text = HOSTILE[name](1 << 20)[: 1 << 20]

    assert _outcome(text) in {
        RejectReason.NOTHING_USABLE,
        RejectReason.TOO_MANY_LINES,
        LIMITS.series,
    }


def _outcome(text: str) -> RejectReason | int:
    skeleton, values = split_values(checked(text, LIMITS))
    try:
        layout, _ = lay_out(skeleton, values, schema_for(""), LIMITS)
    except GuestTextError as error:
        return error.reason
    return layout.samples
