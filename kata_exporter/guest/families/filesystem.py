"""``kata_guest_filesystem_*``: file systems of the guest, as node_exporter's filesystem collector.

Agents since 3.32.0 have them.
"""

import re

from kata_exporter.guest.family import Family, GuestLabel, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType

_LABELS = (
    # A path, or a word: the kernel asks for nothing more.
    GuestLabel(raw="device", name="device", shape=re.compile(r"\S(?:.{0,254}\S)?"), most=128),
    GuestLabel(raw="mount", name="mountpoint", shape=re.compile(r"/.{0,255}"), most=128),
)


def _metric(name: str, what: str, raw: str, unit: str = "") -> Metric:
    return guest_metric(
        f"filesystem_{name}",
        MetricType.GAUGE,
        what,
        raw=f"kata_guest_filesystem_{raw}",
        source="statvfs",
        unit=unit,
        labels=("device", "mountpoint"),
    )


_SIZE = _metric("size_bytes", "Size of a file system of the guest", "bytes item total", "bytes")
_AVAIL = _metric(
    "avail_bytes",
    "Bytes that an ordinary user may still write to a file system of the guest",
    "bytes item available",
    "bytes",
)
_USED = _metric(
    "used_bytes", "Bytes in use on a file system of the guest", "bytes item used", "bytes"
)

_FILES = _metric("files", "Inodes of a file system of the guest", "inodes item total")
_FILES_FREE = _metric(
    "files_free", "Inodes still available on a file system of the guest", "inodes item available"
)
_FILES_USED = _metric(
    "files_used", "Inodes in use on a file system of the guest", "inodes item used"
)

FILESYSTEM_BYTES = Family(
    name="kata_guest_filesystem_bytes",
    items={"total": Item(_SIZE), "available": Item(_AVAIL), "used": Item(_USED)},
    labels=_LABELS,
)
FILESYSTEM_INODES = Family(
    name="kata_guest_filesystem_inodes",
    items={"total": Item(_FILES), "available": Item(_FILES_FREE), "used": Item(_FILES_USED)},
    labels=_LABELS,
)
