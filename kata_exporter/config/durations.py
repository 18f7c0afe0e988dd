"""Durations as Prometheus writes them: ``15s``, ``1m30s``, ``500ms``.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/ ``<duration>``: whole
numbers, each with its unit, the largest unit first, each unit at most once; ``0`` needs none.
"""

import re

from kata_exporter.config.words import quoted

_UNITS_MS = {
    "y": 365 * 24 * 3_600_000,
    "w": 7 * 24 * 3_600_000,
    "d": 24 * 3_600_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
# At most 12 digits: longer ones are a slip of the hand, and too large for Prometheus as well.
_DURATION = re.compile("".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS_MS))
_NUMBER = re.compile(r"[+-]?[0-9][0-9_]*(?:\.[0-9]*)?")
_MAX_MS = (2**63 - 1) // 1_000_000


def parse_duration(text: str) -> float:
    """Return the seconds that `text` stands for, exact to the millisecond.

    Raises:
        ValueError: it is no duration, or longer than Prometheus can hold (292 years).
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        if _NUMBER.fullmatch(text):
            raise ValueError(f"{quoted(text)} has no unit: write a duration such as 15s or 500ms")
        raise ValueError(
            f"{quoted(text)} is not a duration: write whole numbers with y, w, d, h, m, s or ms,"
            " the largest unit first, such as 15s, 1m30s or 500ms"
        )
    total_ms = sum(
        int(number) * unit_ms
        for number, unit_ms in zip(match.groups(), _UNITS_MS.values(), strict=True)
        if number is not None
    )
    if total_ms > _MAX_MS:
        raise ValueError(f"{quoted(text)} is too long: a duration ends at 292 years")
    return total_ms / 1000


def format_duration(seconds: float) -> str:
    """Write `seconds` (0 or more, rounded to the millisecond) as `parse_duration` reads it."""
    rest_ms = round(seconds * 1000)
    parts: list[str] = []
    for unit, unit_ms in _UNITS_MS.items():
        count, rest_ms = divmod(rest_ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
