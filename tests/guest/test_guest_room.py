"""What a guest chooses is capped, at once and over time; what has no room comes under ``other``."""

import math
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.exposition.text import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import LOOK_FOR_ROOM_SECONDS, GuestReader, GuestReading
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.schema import schema_for

OVERFLOW = RejectReason.LABEL_OVERFLOW
INTERFACES = 64


def _reader() -> GuestReader:
    return GuestReader("", schema_for(""), layouts=LayoutCache())


def _received(interfaces: Iterable[str], value: object = 1) -> str:
    return "".join(
        f'kata_guest_netdev_stat{{interface="{name}",item="recv_bytes"}} {value}\n'
        for name in interfaces
    )


def _by_device(reading: GuestReading) -> dict[str, float]:
    (family,) = text_string_to_metric_families(render(reading.chunks).decode())
    return {sample.labels["device"]: sample.value for sample in family.samples}


def test_interfaces_beyond_the_cap_are_summed_up_under_other_and_counted() -> None:
    names = [f"e{n}" for n in range(INTERFACES + 3)]

    reading = _reader().read(_received(names, 18446744073709551615), 0.0)

    assert reading.rejected == {OVERFLOW: 3}
    assert reading.samples == INTERFACES + 1
    assert b'device="other"} 55340232221128654845\n' in render(reading.chunks)


def test_the_same_text_again_has_the_same_series() -> None:
    names = [f"e{n}" for n in range(INTERFACES + 3)]
    reader = _reader()

    first = reader.read(_received(names), 0.0)
    second = reader.read(_received(names, 7), 15.0)

    assert list(_by_device(first)) == list(_by_device(second))
    assert _by_device(second)["other"] == 3 * 7
    assert second.rejected == {OVERFLOW: 3}


def test_new_interfaces_in_every_round_are_no_more_than_the_cap_in_an_hour() -> None:
    reader = _reader()
    seen: set[str] = set()

    for n in range(240):
        seen |= _by_device(reader.read(_received([f"e{n}"]), n * 15.0)).keys()

    assert seen == {*(f"e{n}" for n in range(INTERFACES)), "other"}


def test_what_the_reader_remembers_of_them_does_not_grow() -> None:
    reader = _reader()
    for n in range(2000):
        reader.read(_received([f"e{n}"]), n * 15.0)

        assert all(len(seen) <= INTERFACES for seen in reader._seen.values())
        assert len(reader._falling._gone) <= 42  # one for each round of the window, and other


def test_an_interface_that_is_there_all_the_time_never_loses_its_place() -> None:
    reader = _reader()
    stays = [f"e{n}" for n in range(INTERFACES)]
    reader.read(_received(stays), 0.0)
    reader.read(_received(stays), 7200.0)

    reading = reader.read(_received([*stays, "new"]), 7215.0)

    assert set(_by_device(reading)) == {*stays, "other"}


def test_what_came_under_other_gets_the_place_of_one_that_went_long_ago() -> None:
    reader = _reader()
    stays = [f"e{n}" for n in range(INTERFACES - 1)]
    reader.read(_received([*stays, "goes"]), 0.0)
    now = 0.0
    while now < 3600.0 - LOOK_FOR_ROOM_SECONDS:
        assert "other" in _by_device(reader.read(_received([*stays, "comes"]), now))
        now += 15.0
    while now < 3600.0 + LOOK_FOR_ROOM_SECONDS:
        reader.read(_received([*stays, "comes"]), now)
        now += 15.0

    assert set(_by_device(reader.read(_received([*stays, "comes"]), now))) == {*stays, "comes"}


def test_a_file_system_without_room_for_either_label_is_other_in_both() -> None:
    lines = "".join(
        f'kata_guest_filesystem_bytes{{device="/dev/vda",mount="/m{n}",item="used"}} 2\n'
        for n in range(130)
    )

    page = render(_reader().read(lines, 0.0).chunks).decode()

    assert 'device="other",mountpoint="other"} 4\n' in page
    assert page.count('device="/dev/vda"') == 128


def test_modes_of_processors_without_room_stay_apart() -> None:
    lines = "".join(
        f'kata_guest_cpu_time{{cpu="{n}",item="{mode}"}} 1000\n'
        for n in range(258)
        for mode in ("user", "idle")
    )

    page = render(_reader().read(lines, 0.0).chunks).decode()

    assert 'cpu="other",mode="user"} 2\n' in page
    assert 'cpu="other",mode="idle"} 2\n' in page


def test_names_that_can_be_no_interface_are_refused() -> None:
    for name in ("a/b", "a b", "a:b", "x" * 16, "größe"):
        reading = _reader().read(_received(["eth0", name]), 0.0)

        assert reading.rejected == {RejectReason.BAD_LABEL: 1}, name


def test_a_disk_that_is_taken_out_and_put_in_again_is_a_reset() -> None:
    reader = _reader()
    rounds = [
        reader.read(_received(names, value), 0.0)
        for names, value in ((["a", "b"], 5), (["a"], 6), (["a", "b"], 6), (["a", "b"], 4))
    ]

    assert [reading.resets for reading in rounds] == [0, 0, 0, 2]


def test_idle_time_that_wavers_is_held_and_user_time_is_not() -> None:
    reader = _reader()
    text = 'kata_guest_cpu_time{{cpu="0",item="idle"}} {0}\nkata_guest_cpu_time{{cpu="0",item="user"}} {0}\n'
    reader.read(text.format(5000), 0.0)

    reading = reader.read(text.format(4990), 0.0)

    assert reading.chunks[0].values == ("5", "4.99")
    assert reading.resets == 1


words = st.integers(0, 99).map("e{}".format)
rounds_of_interfaces = st.lists(
    st.tuples(st.lists(words, min_size=1, max_size=80, unique=True), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rounds_of_interfaces, st.sampled_from([15.0, 1800.0]))
def test_nothing_is_lost_or_counted_twice_under_other(
    rounds: list[tuple[list[str], int]], interval: float
) -> None:
    reader, now = _reader(), 0.0
    for names, value in rounds:
        now += interval
        reading = reader.read(_received(names, value), now)
        if reading.rejected.get(RejectReason.TOO_MANY_RESETS):
            continue
        found = _by_device(reading)
        assert sum(found.values()) == len(names) * value
        assert found.keys() - {"other"} <= set(names)
        assert len(found) <= INTERFACES + 1
        assert math.isfinite(sum(found.values()))
