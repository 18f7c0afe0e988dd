"""Errors can be shown safely and raised more than once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    printable,
)
from kata_exporter.ttrpc.errors import SHOWN_CHARACTERS, again

ERRORS = [
    ConnectError("no such file: /run/a.sock"),
    DeadlineExceeded(Phase.START),
    DeadlineExceeded(Phase.DIAL),
    DeadlineExceeded(Phase.ANSWER),
    ConnectionClosed("connection closed by the peer"),
    ProtocolViolation(Violation.FRAME_TYPE, "frame of type 9"),
    MessageTooLarge(5000, 4096),
    StatusError(13, "broken"),
]


@given(st.text(max_size=600), st.integers(10, 300))
def test_printable_is_ascii_on_one_line_and_no_longer_than_asked(text: str, limit: int) -> None:
    shown = printable(text, limit)

    assert len(shown) <= limit
    assert shown.isascii()
    assert shown.isprintable()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\")))
def test_printable_leaves_plain_text_alone(text: str) -> None:
    assert printable(text, len(text)) == text


def test_printable_escapes_terminal_codes_line_feeds_and_bidirectional_overrides() -> None:
    assert printable("a\x1b[2Jb\nc\u202ed\x00\x7f") == r"a\x1b[2Jb\nc\u202ed\x00\x7f"


def test_printable_says_that_it_cut() -> None:
    assert printable("x" * 11, 10) == "xxxxxxx..."
    assert printable("\n" * 6, 10) == r"\n\n\n\..."


def test_status_error_of_ten_kilobytes_shows_one_short_line_and_keeps_the_text() -> None:
    text = "\x1b[31mstack\n\u202e" * 1000
    error = StatusError(Code.INTERNAL, text)

    assert str(error).startswith(r"INTERNAL: \x1b[31mstack\n\u202e")
    assert len(str(error)) <= len("INTERNAL: ") + SHOWN_CHARACTERS
    assert str(error).isprintable()
    assert error.message == text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_each_error_is_of_the_tree_and_says_what_happened(error: TtrpcError) -> None:
    assert isinstance(error, TtrpcError)
    assert str(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_again_gives_another_instance_that_says_the_same(error: TtrpcError) -> None:
    error.__cause__ = OSError("why")

    twin = again(error)

    assert twin is not error
    assert type(twin) is type(error)
    assert (str(twin), vars(twin), twin.__cause__) == (str(error), vars(error), error.__cause__)
    assert twin.__traceback__ is None
