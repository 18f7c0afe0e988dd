"""Durations in Prometheus' grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.config.durations import format_duration, parse_duration

LONGEST_MS = (2**63 - 1) // 1_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("1s", 1.0),
        ("15s", 15.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("1s500ms", 1.5),
        ("90m", 5400.0),
        ("1h2m3s4ms", 3723.004),
        ("1d", 86_400.0),
        ("1w", 604_800.0),
        ("1y", 31_536_000.0),
        ("007s", 7.0),
    ],
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "1.5s",
        "15 s",
        "15S",
        "15sec",
        "1s1m",
        "1s1s",
        "-1s",
        "+1s",
        "1us",
        "\u0661s",
        "1s\n",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration: .*1m30s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["15", "1.5", "-3", "00", "1_000"])
def test_a_bare_number_is_asked_for_its_unit(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' has no unit: write a duration such as 15s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["293y", "999999999999y"])
def test_a_duration_that_prometheus_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too long"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=LONGEST_MS))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    text = format_duration(milliseconds / 1000)

    assert parse_duration(text) == pytest.approx(milliseconds / 1000, abs=0.0005)


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    seconds, problem = 0.0, ""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        problem = str(error)

    assert problem.isprintable()
    assert seconds >= 0
