"""Codes are google.rpc.Code, and any number has a name of the closed set."""

import pytest

from kata_exporter.ttrpc import Code


def test_codes_are_numbered_without_a_gap() -> None:
    assert [int(code) for code in Code] == list(range(17))


@pytest.mark.parametrize("number", [-1, 17, 999, 2**31 - 1])
def test_number_that_is_no_code_is_unknown(number: int) -> None:
    assert Code.name_of(number) == "UNKNOWN"


@pytest.mark.parametrize("code", Code)
def test_code_has_its_own_name(code: Code) -> None:
    assert Code.name_of(int(code)) == code.name
