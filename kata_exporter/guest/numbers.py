"""Numbers as text: what a guest may write, and exact conversion to base units.

A sample's value stays text from the guest's answer to the page: 18446744073709551615 is not
rounded, and no float is made where none is needed. A number is *plain* when it is a decimal
without sign and exponent, of at most 20 digits before the point and 20 after it; that is what an
agent's counters and gauges look like. Others are brought to one canonical form first.
"""

import re
from collections.abc import Callable, Sequence
from math import fsum

# No group here or in the scanner is possessive: before Python 3.11.5 one that fails in its middle
# keeps what it had taken by then, so that "1e" is a number.
PLAIN = r"(?:0|[1-9][0-9]{0,19}+)(?:\.[0-9]{1,20}+)?"
PLAIN_CHARACTERS = 41
"""The longest plain number."""

_PLAIN = re.compile(PLAIN)
_NUMBER = re.compile(r"-?+[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?+[0-9]++)?")
_LARGEST = 1e300
"""Far from the largest float, so that no conversion of units overflows."""
_EXACT = 2**53
"""Below this, every integer is a float."""

Conversion = Callable[[Sequence[str]], Sequence[str]]
"""Takes plain or canonical numbers to base units; never fails on such."""


def is_number(text: str) -> bool:
    """Whether `text` is a decimal number in ASCII, with or without an exponent."""
    return _NUMBER.fullmatch(text) is not None


def canonical(text: str) -> str | None:
    """Return a number in the form that conversions take, or None when it isn't one.

    Plain numbers come back as they are. NaN, infinities, hexadecimal, underscores, digits of other
    scripts and numbers beyond 1e300 are refused.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not is_number(text):
        return None
    value = float(text)
    return _render(value) if abs(value) <= _LARGEST else None


def as_is(values: Sequence[str]) -> Sequence[str]:
    """Counts, and values that come in base units."""
    return values


def from_milliseconds(values: Sequence[str]) -> Sequence[str]:
    """Milliseconds to seconds."""
    return [decimal_shift(value, 3) for value in values]


def from_hundredths(values: Sequence[str]) -> Sequence[str]:
    """Ticks of 1/100 s, the USER_HZ of every Linux that Kata runs, to seconds."""
    return [decimal_shift(value, 2) for value in values]


def from_sectors(values: Sequence[str]) -> Sequence[str]:
    """Sectors to bytes; a sector of /proc/diskstats is 512 bytes whatever the disk's own."""
    return [_multiplied(value, 512) for value in values]


def from_kibibytes(values: Sequence[str]) -> Sequence[str]:
    """KiB, which /proc calls kB, to bytes."""
    return [_multiplied(value, 1024) for value in values]


def total(numbers: Sequence[str]) -> str:
    """Add up plain or canonical numbers; exact for integers of any size."""
    if all(number.isdigit() for number in numbers):
        return str(sum(map(int, numbers)))
    return _render(fsum(map(float, numbers)))


def decimal_shift(number: str, places: int) -> str:
    """Divide by ten to the power of `places`; exact for integers of any size."""
    if not number.isdigit():
        return _render(float(number) / 10**places)
    digits = number.zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")


def _multiplied(number: str, factor: int) -> str:
    return str(int(number) * factor) if number.isdigit() else _render(float(number) * factor)


def _render(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
