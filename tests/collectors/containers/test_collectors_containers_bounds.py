"""However much a guest sends of one container, a bounded part of it is published, and all is counted."""

from collections import Counter

import pytest

from container_page import IDENTITY, names_of
from kata_exporter.agent.types import BlkioEntry, ContainerStats, CpuStats, HugetlbStats
from kata_exporter.collectors.containers.limits import (
    MAX_BLOCK_DEVICES,
    MAX_BLOCK_ENTRIES,
    MAX_CPUS,
    MAX_PAGE_SIZES,
)
from kata_exporter.collectors.containers.reader import ContainerReader, ContainerReading
from kata_exporter.guest.falling import MAX_RESETS
from kata_exporter.guest.rejects import RejectReason

TOO_MANY = RejectReason.TOO_MANY_SERIES


def read(stats: ContainerStats) -> ContainerReading:
    return ContainerReader(IDENTITY, "4.1.0").read(stats, 0.0)


def labels_of(reading: ContainerReading, name: str) -> list[str]:
    """Return the own labels of a metric's samples."""
    prefixes = [
        prefix
        for chunk in reading.chunks
        if chunk.metric.name == f"kata_container_{name}"
        for prefix in chunk.shape.prefixes
    ]
    return [prefix.split(f"{IDENTITY},")[1].rstrip("} ") for prefix in prefixes]


def disk(*entries: tuple[int, int, str], value: int = 1) -> ContainerStats:
    return ContainerStats(
        io_service_bytes=tuple(BlkioEntry(major, minor, op, value) for major, minor, op in entries)
    )


@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_cpus_beyond_the_cap_are_dropped_and_counted(beyond: int) -> None:
    cpu = CpuStats(1, 0, 0, (1,) * (MAX_CPUS + beyond), None, None, None)

    reading = read(ContainerStats(cpu=cpu))

    assert len(labels_of(reading, "cpu_percpu_usage_seconds_total")) == MAX_CPUS
    assert reading.rejected == ({TOO_MANY: beyond} if beyond else {})


def test_cpus_that_were_never_used_have_no_series() -> None:
    reading = read(ContainerStats(cpu=CpuStats(5, 0, 0, (0, 5, 0), None, None, None)))

    assert labels_of(reading, "cpu_percpu_usage_seconds_total") == ['cpu="1"']
    assert not reading.rejected


@pytest.mark.parametrize("beyond", [0, 1, 100])
def test_devices_beyond_the_cap_come_under_other_and_are_counted(beyond: int) -> None:
    reading = read(disk(*((8, minor, "read") for minor in range(MAX_BLOCK_DEVICES + beyond))))

    assert labels_of(reading, "fs_reads_bytes_total") == [
        *(f'device="8:{minor}"' for minor in range(MAX_BLOCK_DEVICES)),
        *(['device="other"'] if beyond else []),
    ]
    assert reading.rejected == ({RejectReason.LABEL_OVERFLOW: beyond} if beyond else {})


def test_entries_beyond_the_cap_are_not_looked_at() -> None:
    junk = [(8, 0, "read"), *[(8, 0, "junk")] * (MAX_BLOCK_ENTRIES - 1), (8, 0, "write")]

    reading = read(disk(*junk))

    assert names_of({chunk.metric.name for chunk in reading.chunks}) == {
        "kata_container_fs_reads_bytes_total",
        "kata_container_blkio_device_usage_total",
    }
    assert reading.rejected == {RejectReason.UNKNOWN_ITEM: MAX_BLOCK_ENTRIES - 1, TOO_MANY: 1}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ((1 << 12, 0, "read"), RejectReason.BAD_LABEL),
        ((0, 1 << 20, "read"), RejectReason.BAD_LABEL),
        ((2**64 - 1, 2**64 - 1, "read"), RejectReason.BAD_LABEL),
        ((8, 0, ""), RejectReason.UNKNOWN_ITEM),
        ((8, 0, 'read",x="'), RejectReason.UNKNOWN_ITEM),
    ],
)
def test_device_or_operation_that_cannot_be_one_is_dropped_and_counted(
    entry: tuple[int, int, str], reason: RejectReason
) -> None:
    reading = read(disk(entry))

    assert (reading.chunks, reading.rejected) == ((), {reason: 1})


def test_the_first_of_two_values_is_kept() -> None:
    entries = (BlkioEntry(8, 0, "read", 1), BlkioEntry(8, 0, "Read", 2))

    reading = read(ContainerStats(io_service_bytes=entries))

    assert {chunk.values for chunk in reading.chunks} == {("1",)}
    assert reading.rejected == {RejectReason.DUPLICATE: 1}


@pytest.mark.parametrize("beyond", [0, 1, 500])
def test_page_sizes_beyond_the_cap_are_dropped_and_counted(beyond: int) -> None:
    sizes = [f"{n + 1}KB" for n in range(MAX_PAGE_SIZES + beyond)]

    reading = read(ContainerStats(hugetlb=dict.fromkeys(sizes, HugetlbStats(1, 1, 1))))

    assert len(labels_of(reading, "hugetlb_usage_bytes")) == MAX_PAGE_SIZES
    assert reading.rejected == ({TOO_MANY: beyond} if beyond else {})


@pytest.mark.parametrize("size", ["", "2", "MB", "02MB", "2mb", "2MB\n", "٢MB", "12345KB", "2TB"])
def test_page_size_that_cannot_be_one_is_dropped_and_counted(size: str) -> None:
    reading = read(ContainerStats(hugetlb={size: HugetlbStats(1, 1, 1)}))

    assert (reading.chunks, reading.rejected) == ((), {RejectReason.BAD_LABEL: 1})


def test_a_device_that_comes_or_goes_has_its_series_while_it_is_there() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")
    one, two = disk((8, 0, "read")), disk((8, 16, "read"), (8, 0, "read"))

    rounds = [
        labels_of(reader.read(stats, 0.0), "fs_reads_bytes_total") for stats in (one, two, two, one)
    ]

    first, second = 'device="8:0"', 'device="8:16"'
    assert rounds == [[first], [first, second], [first, second], [first]]


def test_a_guest_that_names_others_in_every_round_adds_no_series_but_those_of_others() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")
    series: set[str] = set()
    rejected: Counter[RejectReason] = Counter()

    for n in range(300):
        devices = disk((8, 2 * n, "read"), (8, 2 * n + 1, "read")).io_service_bytes
        pages = {f"{n + 1}KB": HugetlbStats(1, 0, 0)}
        stats = ContainerStats(io_service_bytes=devices, hugetlb=pages)
        reading = reader.read(stats, n * 10.0)
        series |= {prefix for chunk in reading.chunks for prefix in chunk.shape.prefixes}
        rejected.update(reading.rejected)

    by_name = Counter(prefix.split("{")[0].removeprefix("kata_container_") for prefix in series)
    assert by_name == {
        "fs_reads_bytes_total": MAX_BLOCK_DEVICES + 1,
        "blkio_device_usage_total": MAX_BLOCK_DEVICES + 1,
        "hugetlb_usage_bytes": MAX_PAGE_SIZES + 1,
        "hugetlb_failcnt": MAX_PAGE_SIZES + 1,
    }
    assert rejected == {RejectReason.LABEL_OVERFLOW: 600 - MAX_BLOCK_DEVICES + 300 - MAX_PAGE_SIZES}


def test_devices_beyond_the_cap_are_summed_up_under_other() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")
    many = disk(*((8, n, "read") for n in range(MAX_BLOCK_DEVICES + 3)), value=5)

    chunk = next(c for c in reader.read(many, 0.0).chunks if "fs_reads_bytes" in c.metric.name)

    assert chunk.lines.decode().splitlines()[-1].endswith('device="other"} 15')
    assert len(chunk.values) == MAX_BLOCK_DEVICES + 1


def test_a_device_that_was_away_for_an_hour_makes_room_for_another() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")
    full = disk(*((8, n, "read") for n in range(MAX_BLOCK_DEVICES)))
    new = disk((9, 0, "read"))
    reader.read(full, 0.0)

    soon, later = (reader.read(new, at) for at in (3599.0, 3600.0))

    assert labels_of(soon, "fs_reads_bytes_total") == ['device="other"']
    assert labels_of(later, "fs_reads_bytes_total") == ['device="9:0"']


def test_a_container_counter_that_falls_is_a_reset() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")

    readings = [reader.read(disk((8, 0, "read"), value=v), 0.0) for v in (7, 3, 4)]

    assert [reading.chunks[0].values for reading in readings] == [("7",), ("3",), ("4",)]
    # Bytes read, and the same by operation.
    assert [reading.resets for reading in readings] == [0, 2, 0]


def test_container_counters_beyond_the_cap_of_resets_are_left_out() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")
    values = [value for n in range(200) for value in (1000 + n, n)]

    readings = [reader.read(disk((8, 0, "read"), value=v), 0.0) for v in values]

    assert sum(reading.resets for reading in readings) == MAX_RESETS
    assert readings[-1].chunks == ()
    assert readings[-1].rejected == {RejectReason.TOO_MANY_RESETS: 2}


def test_shapes_are_kept_while_the_devices_stay() -> None:
    reader = ContainerReader(IDENTITY, "4.1.0")

    before, after = (reader.read(disk((8, 0, "read"), value=v), 0.0).chunks for v in (1, 2))

    assert all(a.shape is b.shape for a, b in zip(before, after, strict=True))
    assert {chunk.values for chunk in after} == {("2",)}
