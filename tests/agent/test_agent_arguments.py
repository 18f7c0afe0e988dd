"""What callers may give, and how what they may not is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.agent.arguments import (
    MAX_U32,
    checked_data,
    checked_id,
    checked_number,
    checked_text,
    container_id,
    guest_path,
)
from kata_exporter.errors import ArgumentError, Reason
from kata_exporter.model import SANDBOX_ID, Container


@given(st.from_regex(SANDBOX_ID, fullmatch=True))
def test_id_of_the_pattern_passes(text: str) -> None:
    assert checked_id("sandbox_id", text) == text
    assert container_id(Container(text)) == text


@given(st.text(max_size=200))
def test_any_other_text_is_no_id(text: str) -> None:
    if SANDBOX_ID.fullmatch(text):
        return
    with pytest.raises(ArgumentError) as caught:
        checked_id("sandbox_id", text)
    assert caught.value.argument == "sandbox_id"
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("odd", [None, 7, b"ctr-one", ["ctr-one"]])
def test_what_is_no_text_is_no_id(odd: object) -> None:
    with pytest.raises(ArgumentError, match="an id has 2 to 128 characters"):
        checked_id("exec_id", odd)


@given(st.integers(-(1 << 70), 1 << 70))
def test_number_is_within_its_bounds_or_an_error_that_says_them(number: int) -> None:
    if 3 <= number <= MAX_U32:
        assert checked_number("cpus", number, least=3) == number
        return
    with pytest.raises(ArgumentError, match=f"should be a number from 3 to {MAX_U32} CPUs"):
        checked_number("cpus", number, least=3, unit="CPUs")


@pytest.mark.parametrize("odd", [1.0, "1", None])
def test_what_is_no_number_is_refused(odd: object) -> None:
    with pytest.raises(ArgumentError):
        checked_number("cpus", odd)


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_data_is_any_kind_of_bytes(data: object) -> None:
    assert checked_data("data", data) == b"abc"


@pytest.mark.parametrize("odd", ["", None, "\ud800"])
def test_text_that_is_empty_or_cannot_be_sent_is_refused(odd: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        checked_text("policy", odd)
    assert caught.value.argument == "policy"


@pytest.mark.parametrize("path", ["/", "/run/x", "/a..b/...", "/a b"])
def test_absolute_path_passes(path: str) -> None:
    assert guest_path("path", path) == path


def test_error_names_argument_value_and_what_to_do() -> None:
    error = ArgumentError("command.user", "r\u00f6\x1b[2J" + "x" * 1000, "should be UID or UID:GID")

    assert str(error).startswith(r"command.user 'r\xf6\x1b[2Jx")
    assert str(error).endswith(": should be UID or UID:GID")
    assert len(str(error)) < 100
    assert error.reason is Reason.REJECTED
