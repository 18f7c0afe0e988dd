"""Escaping, and what stands before a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.metrics import escape_help, escape_label_value, label_pairs, sample_prefix


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain", "plain"),
        ('a"b', r"a\"b"),
        ("a\\b", r"a\\b"),
        ("a\nb", r"a\nb"),
        ('\\"\n', r"\\\"\n"),
        ("ключ", "ключ"),
    ],
)
def test_label_value_is_escaped_as_the_text_format_asks(value: str, escaped: str) -> None:
    assert escape_label_value(value) == escaped


def test_help_keeps_double_quotes() -> None:
    assert escape_help('a "b" \\ c\nd') == 'a "b" \\\\ c\\nd'


def test_pairs_are_joined_in_the_order_given() -> None:
    assert label_pairs([("b", "1"), ("a", 'x"y')]) == r'b="1",a="x\"y"'


@pytest.mark.parametrize(
    ("pairs", "prefix"),
    [
        (('a="1"', 'b="2"'), 'm{a="1",b="2"} '),
        (('a="1"', ""), 'm{a="1"} '),
        (("", ""), "m{} "),
        ((), "m{} "),
    ],
)
def test_prefix_passes_over_empty_pairs(pairs: tuple[str, ...], prefix: str) -> None:
    assert sample_prefix("m", *pairs) == prefix


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_label_value_comes_back_from_a_parser(value: str) -> None:
    line = f"{sample_prefix('m', label_pairs([('a', value)]))}1\n"

    (family,) = text_string_to_metric_families(line)

    assert family.samples[0].labels == {"a": value}
