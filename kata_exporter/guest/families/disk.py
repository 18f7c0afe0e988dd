"""``kata_guest_diskstat``: the guest's /proc/diskstats, as node_exporter's diskstats collector."""

import re

from kata_exporter.guest.family import Family, GuestLabel, Item, guest_metric
from kata_exporter.guest.numbers import Conversion, as_is, from_milliseconds, from_sectors
from kata_exporter.metrics import MetricType

_ITEMS = {
    "reads": ("reads_completed_total", as_is, "Reads that a disk of the guest completed"),
    "merged": ("reads_merged_total", as_is, "Reads of a disk of the guest that were merged"),
    "sectors_read": ("read_bytes_total", from_sectors, "Bytes read from a disk of the guest"),
    "time_reading": (
        "read_time_seconds_total",
        from_milliseconds,
        "Seconds that reads of a disk of the guest took, summed up",
    ),
    "writes": ("writes_completed_total", as_is, "Writes that a disk of the guest completed"),
    "writes_merged": (
        "writes_merged_total",
        as_is,
        "Writes of a disk of the guest that were merged",
    ),
    "sectors_written": (
        "written_bytes_total",
        from_sectors,
        "Bytes written to a disk of the guest",
    ),
    "time_writing": (
        "write_time_seconds_total",
        from_milliseconds,
        "Seconds that writes of a disk of the guest took, summed up",
    ),
    "in_progress": ("io_now", as_is, "Requests that a disk of the guest is working on"),
    "time_in_progress": (
        "io_time_seconds_total",
        from_milliseconds,
        "Seconds during which a disk of the guest was busy",
    ),
    "weighted_time_in_progress": (
        "io_time_weighted_seconds_total",
        from_milliseconds,
        "Seconds that requests of a disk of the guest took, weighted by how many were under way",
    ),
    "discards": ("discards_completed_total", as_is, "Discards that a disk of the guest completed"),
    "discards_merged": (
        "discards_merged_total",
        as_is,
        "Discards of a disk of the guest that were merged",
    ),
    "sectors_discarded": (
        "discarded_sectors_total",
        as_is,
        "Sectors of 512 bytes discarded on a disk of the guest",
    ),
    "time_discarding": (
        "discard_time_seconds_total",
        from_milliseconds,
        "Seconds that discards of a disk of the guest took, summed up",
    ),
    "flushes": ("flush_requests_total", as_is, "Flushes that a disk of the guest completed"),
    "time_flushing": (
        "flush_requests_time_seconds_total",
        from_milliseconds,
        "Seconds that flushes of a disk of the guest took, summed up",
    ),
}
_UNITS: dict[Conversion, str] = {from_sectors: "bytes", from_milliseconds: "seconds", as_is: ""}


def _item(raw: str, name: str, convert: Conversion, what: str) -> Item:
    metric = guest_metric(
        f"disk_{name}",
        MetricType.COUNTER if name.endswith("_total") else MetricType.GAUGE,
        what,
        raw=f"kata_guest_diskstat item {raw}",
        source="/proc/diskstats",
        unit=_UNITS[convert],
        labels=("device",),
    )
    return Item(metric, convert)


DISK = Family(
    name="kata_guest_diskstat",
    items={raw: _item(raw, *rest) for raw, rest in _ITEMS.items()},
    # The kernel's DISK_NAME_LEN; a slash of a name is a ! there.
    labels=(GuestLabel(raw="disk", name="device", shape=re.compile(r"[!-.0-~]{1,31}"), most=64),),
)
