"""Words in messages."""

from enum import StrEnum

import pytest

from kata_exporter.config.words import did_you_mean, parse_choice, quoted


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


def test_quoted_stays_on_one_line_and_is_cut() -> None:
    shown = quoted("\x1b[31m\n" + "x" * 10_000)

    assert shown.isprintable()
    assert shown.startswith(r"'\x1b[31m\nxxx")
    assert len(shown) < 80


def test_did_you_mean_names_the_nearest_word() -> None:
    assert did_you_mean("intervall", ["timeout", "interval"]) == "; did you mean 'interval'?"


def test_did_you_mean_lists_the_words_where_none_is_near() -> None:
    assert did_you_mean("zzz", ["pod", "id"]) == "; it is one of pod, id"


def test_parse_choice_returns_the_member() -> None:
    assert parse_choice(Size, "large") is Size.LARGE


@pytest.mark.parametrize("text", ["Large", "", "largest"])
def test_parse_choice_lists_the_choices_of_a_word_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="write one of small, large"):
        parse_choice(Size, text)
