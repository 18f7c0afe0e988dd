"""Lives of one container id: what was told in two places is merged as if it had been told in one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.oom.lives import MAX_EVENTS, Lives
from oom_rig import NS

Fact = Callable[[Lives], None]


def _told(facts: list[Fact]) -> Lives:
    lives = Lives()
    for fact in facts:
        fact(lives)
    return lives


def _life(n: int, *, events: int, has_status: bool) -> list[Fact]:
    """All that is told of the n-th life of a container, in order."""
    began = (n + 1) * 1000 * NS
    times = [began + (i + 1) * NS for i in range(events)]
    end = began + 900 * NS
    return [
        lambda lives: lives.started(began),
        *((lambda lives, at=at: lives.told("containerd", at)) for at in times),
        lambda lives: lives.ended(end),
        lambda lives: lives.ended(end, oom_killed=has_status),
    ]


@given(
    lives=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=5),
    data=st.data(),
)
def test_what_is_told_before_and_after_is_what_is_told_at_once(
    lives: list[tuple[int, bool]], data: st.DataObject
) -> None:
    facts: list[Fact] = []
    for n, (events, has_status) in enumerate(lives):
        facts += _life(n, events=events, has_status=has_status)
    first = data.draw(st.integers(0, len(facts)))
    again = data.draw(st.integers(0, first))

    merged = _told(facts[:first])
    merged.merge(_told(facts[again:]))

    assert merged.count == _told(facts).count
    begins = [life.began_ns for life in merged.lives]
    assert begins == sorted(begins)


def test_events_beyond_those_remembered_add_up() -> None:
    one, other = Lives(), Lives()
    for n in range(MAX_EVENTS + 3):
        one.told("containerd", n + 1)
        other.told("containerd", n + 1)
    one.merge(other)

    assert one.count == MAX_EVENTS + 6


@pytest.mark.parametrize("is_known", [True, False])
def test_a_file_says_that_there_was_one_in_the_latest_life(*, is_known: bool) -> None:
    one, other = Lives(), Lives()
    if is_known:
        one.noted(5)
    other.noted(9)
    one.merge(other)

    assert one.count == 1


def test_lives_that_are_summed_up_stay_so() -> None:
    one = Lives(before=3)
    one.merge(Lives(before=4))

    assert one.count == 7
