"""Values that a guest chooses: only so many at once, and only so many in an hour."""

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.guest.seen_values import FORGOTTEN_AFTER_SECONDS, OTHER, SeenValues


def test_the_first_values_have_room_and_those_beyond_the_cap_have_none() -> None:
    seen = SeenValues[str](2)

    answers = [seen.admits(value, 0.0) for value in "abcabca"]

    assert answers == [True, True, False, True, True, False, True]


def test_a_value_that_was_away_for_an_hour_makes_room() -> None:
    seen = SeenValues[str](1)
    seen.admits("a", 10.0)

    assert not seen.admits("b", 10.0 + FORGOTTEN_AFTER_SECONDS - 1)
    assert seen.admits("b", 10.0 + FORGOTTEN_AFTER_SECONDS)
    assert not seen.admits("a", 10.0 + FORGOTTEN_AFTER_SECONDS)


def test_a_value_that_is_seen_again_stays() -> None:
    seen = SeenValues[str](1)
    seen.admits("a", 0.0)
    seen.see(("a",), 3000.0)

    assert not seen.admits("b", FORGOTTEN_AFTER_SECONDS)


def test_a_guest_that_calls_something_other_is_among_the_others() -> None:
    assert not SeenValues[str](5).admits(OTHER, 0.0)


def test_none_has_room_where_there_is_none() -> None:
    assert not SeenValues[int](0).admits(1, 0.0)


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 2000)), max_size=60))
def test_never_more_values_in_an_hour_than_the_cap(steps: list[tuple[int, float]]) -> None:
    seen, now = SeenValues[int](4), 0.0
    admitted: list[tuple[int, float]] = []
    for value, pause in steps:
        now += pause
        if seen.admits(value, now):
            admitted.append((value, now))
        within = {v for v, at in admitted if now - at < FORGOTTEN_AFTER_SECONDS}
        assert len(seen) <= 4
        assert len(within) <= 4
