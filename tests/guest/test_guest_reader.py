"""The reader: fast and slow path give the same, and hostile texts stay their sandbox's matter."""

from pathlib import Path
from typing import Self
from unittest.mock import patch

import pytest

from kata_exporter.exposition.text import render
from kata_exporter.guest import reader as reader_module
from kata_exporter.guest.layout import lay_out
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.reader import GuestReader, GuestReading
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.schema import GUEST_METRICS, schema_for

IDENTITY = 'sandbox_id="demo-1",namespace="shop",pod="web-0"'


class Scans:
    """Counts how often the slow path is taken."""

    def __init__(self) -> None:
        self.count = 0
        self._patch = patch.object(reader_module, "lay_out", self._lay_out)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _lay_out(self, *arguments: object) -> object:
        self.count += 1
        return lay_out(*arguments)  # type: ignore[arg-type]


def _reader(layouts: LayoutCache | None = None, limits: Limits | None = None) -> GuestReader:
    return GuestReader(
        IDENTITY,
        schema_for("4.1.0"),
        limits=limits or Limits(),
        layouts=layouts if layouts is not None else LayoutCache(),
    )


def _page(reading: GuestReading) -> str:
    return render(reading.chunks).decode()


@pytest.fixture
def text(data: Path) -> str:
    """Return what a real agent answered."""
    return (data / "guest-vm-cgroup2" / "getmetrics-1.txt").read_text()


@pytest.fixture
def later(data: Path) -> str:
    """Return what it answered a little later."""
    return (data / "guest-vm-cgroup2" / "getmetrics-2.txt").read_text()


def test_identity_stands_before_the_guests_labels(text: str) -> None:
    page = _page(_reader().read(text, 0.0))

    assert f'kata_guest_cpu_seconds_total{{{IDENTITY},cpu="0",mode="idle"}} ' in page
    assert f"kata_guest_load1{{{IDENTITY}}} " in page


def test_real_text_has_no_rejections(text: str) -> None:
    reading = _reader().read(text, 0.0)

    assert not reading.rejected
    assert reading.samples == sum(len(chunk.values) for chunk in reading.chunks) > 150


def test_chunks_are_in_the_schemas_order_one_per_metric(text: str) -> None:
    metrics = [chunk.metric for chunk in _reader().read(text, 0.0).chunks]

    assert metrics == [metric for metric in GUEST_METRICS if metric in set(metrics)]


def test_same_layout_with_other_values_is_not_scanned_again(text: str, later: str) -> None:
    fast, slow = _reader(), _reader()
    with Scans() as scans:
        fast.read(text, 0.0)
        reading = fast.read(later, 0.0)

        assert scans.count == 1
    assert _page(reading) == _page(slow.read(later, 0.0))
    assert _page(reading) != _page(slow.read(text, 0.0))


def test_shapes_are_kept_from_round_to_round(text: str, later: str) -> None:
    reader = _reader()
    before, after = reader.read(text, 0.0), reader.read(later, 0.0)

    assert all(a.shape is b.shape for a, b in zip(before.chunks, after.chunks, strict=True))


def test_a_new_interface_is_scanned_once(text: str) -> None:
    reader = _reader()
    grown = text + 'kata_guest_netdev_stat{interface="eth1",item="recv_bytes"} 5\n'
    with Scans() as scans:
        reader.read(text, 0.0)
        first, second = reader.read(grown, 0.0), reader.read(grown, 0.0)

        assert scans.count == 2
    assert 'device="eth1"' in _page(first)
    assert _page(first) == _page(second)


def test_last_line_may_lack_its_line_feed(text: str) -> None:
    assert _page(_reader().read(text.rstrip("\n"), 0.0)) == _page(_reader().read(text, 0.0))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "kata_agent_total_time 5.18\n",
            "kata_agent_total_time -1\n",
            RejectReason.NEGATIVE_COUNTER,
        ),
        ("kata_agent_total_time 5.18\n", "kata_agent_total_time NaN\n", RejectReason.BAD_NUMBER),
        ("kata_agent_total_time 5.18\n", "kata_agent_total_time 1e999\n", RejectReason.BAD_NUMBER),
        ("kata_agent_total_time 5.18\n", "kata_agent_total_time 5.18 1\n", RejectReason.TIMESTAMP),
    ],
)
def test_bad_value_drops_its_line_only_and_is_forgotten(
    later: str, old: str, new: str, reason: RejectReason
) -> None:
    reader = _reader()
    good = reader.read(later, 0.0)
    with Scans() as scans:
        bad = reader.read(later.replace(old, new), 0.0)
        again = reader.read(later, 0.0)

        assert scans.count == 1
    assert bad.rejected == {reason: 1}
    assert bad.samples == good.samples - 1
    assert "kata_guest_agent_cpu_seconds_total" not in _page(bad)
    assert _page(again) == _page(good)


def test_forged_lines_are_dropped_and_counted(text: str) -> None:
    forged = (
        'kata_guest_load{item="load1",sandbox_id="victim"} 9\n'
        'kata_guest_load{item="load1",namespace="kube-system"} 9\n'
        "up 1\n"
        'kata_sandbox_up{sandbox_id="victim"} 0\n'
        'kata_guest_load{item="load1"} 9\n'
    )
    reader = _reader()

    reading = reader.read(text + forged, 0.0)

    assert reading.rejected == {
        RejectReason.UNKNOWN_LABEL: 2,
        RejectReason.UNKNOWN_FAMILY: 2,
        RejectReason.DUPLICATE: 1,
    }
    assert _page(reading) == _page(_reader().read(text, 0.0))
    assert reader.read(text + forged, 0.0).rejected == reading.rejected


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", RejectReason.NOTHING_USABLE),
        ("\x00\xff", RejectReason.NOTHING_USABLE),
        ("a\n" * 30_000, RejectReason.TOO_MANY_LINES),
        ("a" * ((1 << 20) + 1), RejectReason.TEXT_TOO_LARGE),
        ("kata_agent_threads 1\n# \udcff\n", RejectReason.BAD_ENCODING),
    ],
)
def test_refused_text_leaves_the_reader_as_it_was(
    text: str, bad: str, reason: RejectReason
) -> None:
    reader = _reader()
    reader.read(text, 0.0)
    with Scans() as scans:
        with pytest.raises(GuestTextError) as caught:
            reader.read(bad, 0.0)
        count = scans.count
        reader.read(text, 0.0)

        assert scans.count == count
    assert caught.value.reason is reason


def test_sandboxes_share_a_layout_that_has_proved_itself(text: str, later: str) -> None:
    layouts = LayoutCache()
    first, second = _reader(layouts), _reader(layouts)
    with Scans() as scans:
        first.read(text, 0.0)
        assert len(layouts) == 0
        first.read(later, 0.0)
        assert len(layouts) == 1
        reading = second.read(text, 0.0)

        assert scans.count == 1
    assert _page(reading) == _page(_reader().read(text, 0.0))


def test_readers_that_start_together_come_to_share_one_layout(text: str) -> None:
    layouts = LayoutCache()
    readers = [_reader(layouts) for _ in range(3)]
    for _ in range(2):
        for reader in readers:
            reader.read(text, 0.0)

    assert len(layouts) == 1
    assert len({id(reader._layout) for reader in readers}) == 1


def test_ever_changing_text_never_reaches_the_shared_cache(text: str) -> None:
    layouts = LayoutCache()
    hostile, honest = _reader(layouts), _reader(layouts)
    honest.read(text, 0.0)
    honest.read(text, 0.0)
    with Scans() as scans:
        for i in range(100):
            hostile.read(f'kata_guest_netdev_stat{{interface="e{i}",item="recv_bytes"}} 1\n', 0.0)
        assert scans.count == 100
        honest.read(text, 0.0)

        assert scans.count == 100
    assert len(layouts) == 1


def test_flooded_cache_does_not_slow_down_a_reader_with_a_layout(text: str) -> None:
    layouts = LayoutCache(max_layouts=2)
    hostile, honest = _reader(layouts), _reader(layouts)
    honest.read(text, 0.0)
    honest.read(text, 0.0)
    for i in range(10):
        for _ in range(2):
            hostile.read(f'kata_guest_netdev_stat{{interface="e{i}",item="recv_bytes"}} 1\n', 0.0)
    with Scans() as scans:
        honest.read(text, 0.0)

        assert scans.count == 0
    assert len(layouts) == 2


def test_long_text_is_scanned_anew_each_time(text: str) -> None:
    layouts = LayoutCache()
    reader = _reader(layouts, Limits(layout_characters=100))
    with Scans() as scans:
        pages = {_page(reader.read(text, 0.0)) for _ in range(3)}

        assert scans.count == 3
    assert len(pages) == 1
    assert len(layouts) == 0


def test_series_are_capped_on_both_paths(text: str) -> None:
    reader = _reader(limits=Limits(series=10))

    for _ in range(2):
        reading = reader.read(text, 0.0)

        assert reading.samples == 10
        assert reading.rejected == {RejectReason.TOO_MANY_SERIES: 143}


def test_old_agents_ticks_and_new_ones_milliseconds_do_not_mix_in_one_cache() -> None:
    layouts = LayoutCache()
    old = GuestReader(IDENTITY, schema_for("2.4.0"), layouts=layouts)
    new = GuestReader(IDENTITY, schema_for("4.1.0"), layouts=layouts)
    line = 'kata_guest_cpu_time{cpu="0",item="user"} 4420\n'
    for _ in range(2):
        assert _page(old.read(line, 0.0)).endswith(" 44.2\n")
        assert _page(new.read(line, 0.0)).endswith(" 4.42\n")
