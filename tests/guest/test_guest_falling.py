"""Counters that fall: resets, those that are held, and those that are too many."""

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.guest.falling import (
    MAX_RESETS,
    RESET_WINDOW_SECONDS,
    FallingCounters,
)
from kata_exporter.metrics import Metric, MetricType, Scope, Shape

METRIC = Metric("kata_guest_reads_total", "Reads.", MetricType.COUNTER, Scope.SANDBOX)
MANY = MAX_RESETS + 44


class Rig:
    """One counter of a guest, with as many series as the first reading has values."""

    def __init__(self, series: int, wavers: tuple[bool, ...] = (), max_gone: int = 1000) -> None:
        self.falling = FallingCounters(max_gone)
        self.shape = Shape(METRIC, tuple(f"{METRIC.name}{{n={n}}} " for n in range(series)))
        self.row = self.falling.row(METRIC, range(series), wavers)

    def read(self, *values: str, now: float = 0.0) -> tuple[str, ...]:
        """Return the lines that are published, without the name."""
        self.falling.begin(now)
        chunk = self.falling.chunk(self.shape, self.row, values)
        if chunk is None:
            return ()
        lines = chunk.lines.decode().splitlines()
        return tuple(line.removeprefix(METRIC.name) for line in lines)

    def rename(self, series: range, now: float = 0.0) -> None:
        """Have other series."""
        self.falling.begin(now)
        self.falling.replace((self.row,))
        self.row = self.falling.row(METRIC, series)
        self.shape = Shape(METRIC, tuple(f"{METRIC.name}{{n={n}}} " for n in series))
        self.falling.forget()


def test_a_counter_that_grows_or_stays_is_published_as_it_is() -> None:
    rig = Rig(2)

    assert rig.read("1", "18446744073709551615") == ("{n=0} 1", "{n=1} 18446744073709551615")
    assert rig.read("1", "18446744073709551615") == ("{n=0} 1", "{n=1} 18446744073709551615")
    assert rig.read("2.5", "18446744073709551615") == ("{n=0} 2.5", "{n=1} 18446744073709551615")
    assert (rig.falling.resets, rig.falling.left_out) == (0, 0)


def test_a_counter_that_falls_is_published_and_counted_as_a_reset() -> None:
    rig = Rig(2)
    rig.read("10", "9")

    assert rig.read("10", "8") == ("{n=0} 10", "{n=1} 8")
    assert (rig.falling.resets, rig.falling.left_out) == (1, 0)


def test_one_that_wavers_is_held_until_it_has_caught_up() -> None:
    rig = Rig(1, wavers=(True,))
    rig.read("100")

    published = [rig.read(value) for value in ("99.99", "97.01", "100", "100.5")]

    assert published == [("{n=0} 100",), ("{n=0} 100",), ("{n=0} 100",), ("{n=0} 100.5",)]
    assert rig.falling.resets == 0


def test_one_that_wavers_and_falls_far_was_reset() -> None:
    rig = Rig(1, wavers=(True,))
    rig.read("100")

    assert rig.read("97") == ("{n=0} 97",)
    assert rig.falling.resets == 1


def test_beyond_the_cap_what_fell_is_left_out_and_the_rest_is_published() -> None:
    rig = Rig(MANY + 1)
    rig.read(*["5"] * MANY, "5")

    published = rig.read(*["4"] * MANY, "6")

    assert (rig.falling.resets, rig.falling.left_out) == (MAX_RESETS, MANY - MAX_RESETS)
    assert len(published) == MAX_RESETS + 1
    assert published[-1] == f"{{n={MANY}}} 6"


def test_one_that_was_left_out_is_back_once_it_has_caught_up() -> None:
    rig = Rig(MANY)
    rig.read(*["5"] * MANY)
    rig.read(*["4"] * MANY)

    assert len(rig.read(*["4"] * MANY)) == MAX_RESETS
    assert len(rig.read(*["5"] * MANY)) == MANY


def test_nothing_is_published_where_everything_fell_and_no_reset_is_left() -> None:
    rig = Rig(MAX_RESETS)
    for value in ("5", "4"):
        rig.read(*[value] * MAX_RESETS)

    assert rig.read(*["3"] * MAX_RESETS) == ()
    assert rig.falling.left_out == MAX_RESETS


def test_there_are_resets_again_when_the_window_has_passed() -> None:
    rig = Rig(MAX_RESETS)
    for value in ("5", "4"):
        rig.read(*[value] * MAX_RESETS)

    assert rig.read(*["3"] * MAX_RESETS, now=RESET_WINDOW_SECONDS - 1) == ()
    assert len(rig.read(*["3"] * MAX_RESETS, now=RESET_WINDOW_SECONDS)) == MAX_RESETS


def test_going_and_coming_back_is_no_way_around() -> None:
    rig = Rig(1)
    rig.read("5")
    rig.rename(range(7, 8))
    rig.read("1")
    rig.rename(range(1))

    rig.read("4", now=1.0)

    assert rig.falling.resets == 1


def test_a_series_that_was_away_for_longer_than_the_window_is_a_new_one() -> None:
    rig = Rig(1)
    rig.read("5")
    rig.rename(range(7, 8))
    rig.rename(range(8, 9), now=RESET_WINDOW_SECONDS)
    rig.rename(range(1), now=RESET_WINDOW_SECONDS)

    rig.read("4", now=RESET_WINDOW_SECONDS)

    assert rig.falling.resets == 0


def test_of_series_that_are_gone_only_so_many_are_remembered() -> None:
    rig = Rig(1, max_gone=10)
    for n in range(100):
        rig.rename(range(n * 5, n * 5 + 5))

        assert len(rig.falling._gone) <= 10


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=40, max_size=40), st.floats(0, 300)))
)
def test_never_more_resets_in_the_window_than_the_cap(
    rounds: list[tuple[list[int], float]],
) -> None:
    rig, now = Rig(40), 0.0
    last: dict[str, float] = {}
    fell: list[float] = []
    for values, pause in rounds:
        now += pause
        for line in rig.read(*map(str, values), now=now):
            name, value = line.split()
            if float(value) < last.get(name, 0.0):
                fell.append(now)
            last[name] = float(value)
        assert len([at for at in fell if now - at < RESET_WINDOW_SECONDS]) <= MAX_RESETS
