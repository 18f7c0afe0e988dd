"""``kata_guest_vm_stat``: of the guest's /proc/vmstat, what node_exporter takes by default."""

import re

from kata_exporter.guest.family import Family, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType

_FIELDS = {
    "pgpgin": "KiB that the guest read from disks",
    "pgpgout": "KiB that the guest wrote to disks",
    "pswpin": "Pages that the guest swapped in",
    "pswpout": "Pages that the guest swapped out",
    "pgfault": "Page faults in the guest",
    "pgmajfault": "Page faults in the guest that needed the disk",
}

OOM_KILLS = guest_metric(
    "oom_kills_total",
    MetricType.COUNTER,
    "Processes that the guest's kernel killed for want of memory, in containers and outside; exact",
    raw="kata_guest_vm_stat item oom_kill",
    source="/proc/vmstat",
)


def _field(item: str, what: str) -> Metric:
    return guest_metric(
        f"vmstat_{item}",
        MetricType.UNTYPED,
        f"{what} since it booted",
        raw=f"kata_guest_vm_stat item {item}",
        source="/proc/vmstat",
    )


VMSTAT = Family(
    name="kata_guest_vm_stat",
    items={item: Item(_field(item, what)) for item, what in _FIELDS.items()}
    | {"oom_kill": Item(OOM_KILLS)},
    # Some 150 more, and each kernel has others: of this shape, but none of them is published.
    left_out_shape=re.compile(r"[a-z0-9_]+"),
)
