"""A place in the configuration file, and reading there."""

import re
from enum import StrEnum

import pytest

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.problems import Problems
from kata_exporter.config.yaml_tree import build_tree
from kata_exporter.errors import ConfigError


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@pytest.fixture
def problems() -> Problems:
    return Problems()


def at(problems: Problems, text: str) -> Cursor:
    """Return a cursor on the value of the only key, ``a``."""
    root = Cursor(build_tree(f"\na: {text}\n", "c.yaml", problems), "c.yaml", problems)
    return root.table(("a",))["a"]


def told(problems: Problems) -> str:
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    return str(caught.value)


def test_a_cursor_knows_its_line_and_key(problems: Problems) -> None:
    cursor = at(problems, "{b: [x, y]}").table(("b",))["b"].items()[1]

    cursor.fail("wrong")

    assert (cursor.line, cursor.key) == (2, "a.b[1]")
    assert told(problems) == "c.yaml:2: a.b[1]: wrong"


def test_values_are_read(problems: Problems) -> None:
    assert at(problems, "some text").text(max_length=9) == "some text"
    assert at(problems, "ab-1").identifier(re.compile("[a-z0-9-]+"), "letters") == "ab-1"
    assert at(problems, "1m").duration(at_least=1, at_most=60) == 60
    assert at(problems, "7").whole_number(at_least=7, at_most=7) == 7
    assert at(problems, "large").choice(Size) is Size.LARGE
    assert at(problems, "0x10").parsed(lambda text: int(text, 16), "must be hex") == 16
    problems.raise_if_any()


@pytest.mark.parametrize("text", ["~", ""])
def test_a_section_without_a_value_is_empty(text: str, problems: Problems) -> None:
    assert at(problems, text).table(("b",)) == {}
    assert at(problems, text).items() == []
    problems.raise_if_any()


def test_only_a_sequence_is_a_list(problems: Problems) -> None:
    assert at(problems, "[]").is_list()
    assert not at(problems, "{}").is_list()


@pytest.mark.parametrize("text", ["a text too long", "1", "[x]", "{x: y}", "~", '"\\a"'])
def test_what_is_no_such_text_gives_none_and_one_problem(text: str, problems: Problems) -> None:
    assert at(problems, text).text(max_length=9) is None
    assert len(told(problems).splitlines()) == 1


def test_the_bounds_of_a_duration_belong_to_it(problems: Problems) -> None:
    assert at(problems, "1s").duration(at_least=1, at_most=2) == 1
    assert at(problems, "2s").duration(at_least=1, at_most=2) == 2
    assert at(problems, "2001ms").duration(at_least=1, at_most=2, note=" (why)") is None
    assert told(problems) == "c.yaml:2: a: must be from 1s to 2s (why)"


def test_the_bounds_of_a_number_belong_to_it(problems: Problems) -> None:
    assert at(problems, "1").whole_number(at_least=1, at_most=2) == 1
    assert at(problems, "2").whole_number(at_least=1, at_most=2) == 2
    assert at(problems, "3").whole_number(at_least=1, at_most=2) is None
    assert told(problems) == "c.yaml:2: a: must be a whole number from 1 to 2, not 3"


def test_what_was_refused_is_not_told_again(problems: Problems) -> None:
    cursor = at(problems, "*alias")

    assert cursor.table(("b",)) == {}
    assert cursor.items() == []
    assert cursor.text(max_length=9) is None
    assert len(told(problems).splitlines()) == 1


def test_a_key_of_strange_characters_is_escaped(problems: Problems) -> None:
    at(problems, '{"\\e[31m": x}').table(("b",))

    assert told(problems) == r"c.yaml:2: a.'\x1b[31m': unknown key; it is one of b"
