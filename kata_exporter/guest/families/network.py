"""``kata_guest_netdev_stat``: the guest's /proc/net/dev, as node_exporter's netdev collector."""

import re

from kata_exporter.guest.family import Family, GuestLabel, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType

_DIRECTIONS = {"recv": ("receive", "received"), "sent": ("transmit", "sent")}
_WHAT = {
    "bytes": "Bytes {done} by a network device of the guest",
    "packets": "Packets {done} by a network device of the guest",
    "errs": "Packets not {done} by a network device of the guest for errors",
    "drop": "Packets not {done} by a network device of the guest for want of room",
    "fifo": "Overruns of the FIFO of a network device of the guest, {done} side",
    "compressed": "Compressed packets {done} by a network device of the guest",
    "frame": "Framing errors of packets {done} by a network device of the guest",
    "multicast": "Multicast packets {done} by a network device of the guest",
    "colls": "Collisions of packets {done} by a network device of the guest",
    "carrier": "Losses of carrier of a network device of the guest, {done} side",
}
_COUNTERS = {
    "recv": ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"),
    "sent": ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"),
}


def _metric(direction: str, counter: str) -> Metric:
    name, done = _DIRECTIONS[direction]
    return guest_metric(
        f"network_{name}_{counter}_total",
        MetricType.COUNTER,
        _WHAT[counter].format(done=done),
        raw=f"kata_guest_netdev_stat item {direction}_{counter}",
        source="/proc/net/dev",
        unit="bytes" if counter == "bytes" else "",
        labels=("device",),
    )


NETWORK = Family(
    name="kata_guest_netdev_stat",
    items={
        f"{direction}_{counter}": Item(_metric(direction, counter))
        for direction, counters in _COUNTERS.items()
        for counter in counters
    },
    labels=(
        # The kernel's IFNAMSIZ and dev_valid_name.
        GuestLabel(raw="interface", name="device", shape=re.compile(r"[!-.0-9;-~]{1,15}"), most=64),
    ),
)
