"""Who is slow of late is known from how long rounds took, whatever came of them."""

from collections.abc import Sequence

import pytest

from kata_exporter.collectors.pace import Pace

TIMEOUT_SECONDS = 5.0


def after(*rounds_seconds: float) -> bool:
    pace = Pace()
    for seconds in rounds_seconds:
        pace.took(seconds)
    return pace.is_slow(timeout_seconds=TIMEOUT_SECONDS)


def test_who_was_never_asked_is_not_slow() -> None:
    assert not after()


@pytest.mark.parametrize("rounds_seconds", [[5.0], [4.4], [2.6], [1.3] * 9, [0.01, 5.0]])
def test_rounds_that_take_a_good_part_of_their_deadline_are_slow(
    rounds_seconds: Sequence[float],
) -> None:
    assert after(*rounds_seconds)


@pytest.mark.parametrize(
    "rounds_seconds", [[0.01] * 9, [1.2] * 9, [5.0, 0.0], [5.0] * 9 + [0.0] * 2]
)
def test_quick_rounds_are_not_and_slow_ones_are_soon_forgotten(
    rounds_seconds: Sequence[float],
) -> None:
    assert not after(*rounds_seconds)


def test_who_is_slow_every_other_time_is_slow_each_time() -> None:
    pace = Pace()
    judged = []
    for number in range(20):
        pace.took(4.9 if number % 2 == 0 else 0.0)
        judged.append(pace.is_slow(timeout_seconds=TIMEOUT_SECONDS))

    assert all(judged[2:])
