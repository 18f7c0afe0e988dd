"""Numbers of a guest's text: what is taken, and that conversion is exact."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.guest.numbers import (
    PLAIN_CHARACTERS,
    Conversion,
    as_is,
    canonical,
    decimal_shift,
    from_hundredths,
    from_kibibytes,
    from_milliseconds,
    from_sectors,
    is_number,
)

U64 = st.integers(min_value=0, max_value=2**64 - 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("18446744073709551615", "18446744073709551615"),
        ("0.49000000953674316", "0.49000000953674316"),
        ("5.0", "5.0"),
        ("-5", "-5"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("007", "7"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("1e+06", "1000000"),
        ("1e300", "1e+300"),
        ("-1e300", "-1e+300"),
        ("1e-999", "0"),
        ("123456789012345678901", "1.2345678901234568e+20"),
    ],
)
def test_number_has_one_canonical_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "+1", ".5", "5.", "1e", "e5", "1e+", "--1", "1 2", "1\n", "\n1", "1\r"),
        *(
            "NaN",
            "nan",
            "Inf",
            "+Inf",
            "-Inf",
            "inf",
            "infinity",
            "0x10",
            "1_000",
            "1,5",
            "1d",
            "½",
        ),
        *("\uff11", "\u0663", "\u22121", "1e301", "1e999", "-1e999", "9" * 400),
    ],
)
def test_what_is_no_finite_ascii_decimal_is_refused(text: str) -> None:
    assert canonical(text) is None


def test_is_number_knows_the_grammar_only() -> None:
    assert is_number("1e999")
    assert not is_number("1_000")


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [
        (as_is, "18446744073709551615", "18446744073709551615"),
        (from_milliseconds, "0", "0"),
        (from_milliseconds, "7", "0.007"),
        (from_milliseconds, "1000", "1"),
        (from_milliseconds, "81840", "81.84"),
        (from_milliseconds, "18446744073709551615", "18446744073709551.615"),
        (from_milliseconds, "1.5", "0.0015"),
        (from_hundredths, "268", "2.68"),
        (from_hundredths, "100", "1"),
        (from_sectors, "298390", "152775680"),
        (from_sectors, "18446744073709551615", "9444732965739290426880"),
        (from_sectors, "0.5", "256"),
        (from_kibibytes, "35708", "36564992"),
        (from_kibibytes, "1e+300", "1.024e+303"),
        (from_kibibytes, "-3", "-3072"),
    ],
)
def test_conversion_to_base_units(convert: Conversion, value: str, expected: str) -> None:
    assert list(convert([value])) == [expected]


@given(U64, st.integers(min_value=1, max_value=9))
def test_shifting_an_integer_is_exact(value: int, places: int) -> None:
    shifted = decimal_shift(str(value), places)

    assert Fraction(Decimal(shifted)) == Fraction(value, 10**places)
    assert not shifted.endswith(".")


@given(U64)
def test_multiplying_an_integer_is_exact(value: int) -> None:
    assert list(from_sectors([str(value)])) == [str(value * 512)]


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_every_float_a_guest_can_print_is_taken_at_its_value(value: float) -> None:
    text = canonical(repr(value))

    assert text is not None
    assert float(text) == value


@given(st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,25})?(e-?[0-9]{1,3})?", fullmatch=True))
def test_canonical_form_is_settled_and_convertible(text: str) -> None:
    number = canonical(text)

    if number is not None:
        assert canonical(number) == number
        for convert in (as_is, from_milliseconds, from_hundredths, from_sectors, from_kibibytes):
            (converted,) = convert([number])
            assert float(converted) == pytest.approx(float(text) * _factor(convert), rel=1e-12)


def _factor(convert: Conversion) -> float:
    (factor,) = convert(["1"])
    return float(factor)


def test_longest_plain_number_is_known() -> None:
    longest = f"{'9' * 20}.{'9' * 20}"

    assert len(longest) == PLAIN_CHARACTERS
    assert canonical(longest) == longest
