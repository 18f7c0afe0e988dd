"""``kata_guest_cpu_time``: time of the guest's CPUs by mode, as node_exporter's cpu collector."""

import re

from kata_exporter.guest.families.left_out import left_out
from kata_exporter.guest.family import Family, GuestLabel, Item, guest_metric
from kata_exporter.guest.numbers import Conversion, from_hundredths, from_milliseconds
from kata_exporter.metrics import MetricType

_NAME = "kata_guest_cpu_time"
_MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_WAVERING = frozenset({"idle", "iowait"})
"""What the kernel reckons anew at each reading (get_idle_time, get_iowait_time in fs/proc/stat.c)."""
# The kernel counts guests' time into user and nice as well; a mode of its own would count it twice.
_GUEST_MODES = {"guest": "user", "guest_nice": "nice"}

CPU_SECONDS = guest_metric(
    "cpu_seconds_total",
    MetricType.COUNTER,
    "Seconds that each CPU of the guest spent in each mode",
    raw="kata_guest_cpu_time",
    source="/proc/stat",
    unit="seconds",
    labels=("cpu", "mode"),
)
CPU_GUEST_SECONDS = guest_metric(
    "cpu_guest_seconds_total",
    MetricType.COUNTER,
    "Seconds that each CPU of the guest spent in virtual machines of its own; part of user or nice",
    raw="kata_guest_cpu_time items guest, guest_nice",
    source="/proc/stat",
    unit="seconds",
    labels=("cpu", "mode"),
)


def _cpu(convert: Conversion) -> Family:
    modes = {
        mode: Item(CPU_SECONDS, convert, {"mode": mode}, wavers=mode in _WAVERING)
        for mode in _MODES
    }
    guests = {
        item: Item(CPU_GUEST_SECONDS, convert, {"mode": mode})
        for item, mode in _GUEST_MODES.items()
    }
    return Family(
        name=_NAME,
        items=modes | guests,
        labels=(
            GuestLabel(
                raw="cpu",
                name="cpu",
                shape=re.compile(r"0|[1-9][0-9]{0,3}"),
                most=256,
                left_out=left_out(_NAME, "cpu"),
            ),
        ),
    )


CPU = _cpu(from_milliseconds)
CPU_IN_TICKS = _cpu(from_hundredths)
"""As agents before 2.5.0 had it."""
