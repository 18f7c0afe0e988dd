"""What somebody else wrote stands in an error's text escaped, in quotes, and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.errors import SHOWN_CHARACTERS, shown


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("", "''"),
        ("/run/a.sock", "'/run/a.sock'"),
        ("it's", '"it\'s"'),
        ("a\nb\x1b[2J", r"'a\nb\x1b[2J'"),
        ("\u202eevil", r"'\u202eevil'"),
        ("\ud800", r"'\ud800'"),
        ("x" * SHOWN_CHARACTERS, "'" + "x" * SHOWN_CHARACTERS + "'"),
        ("x" * (SHOWN_CHARACTERS + 1), "'" + "x" * (SHOWN_CHARACTERS - 2) + "..."),
    ],
)
def test_text_is_shown_as_a_literal(text: str, literal: str) -> None:
    assert shown(text) == literal


@given(st.text(max_size=2 * SHOWN_CHARACTERS))
def test_any_text_is_short_printable_and_ascii(text: str) -> None:
    assert shown(text).isascii()
    assert shown(text).isprintable()
    assert len(shown(text)) <= SHOWN_CHARACTERS + 2
