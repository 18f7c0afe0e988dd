"""``kata_guest_load`` and ``kata_guest_tasks``: the fields of the guest's /proc/loadavg."""

from kata_exporter.guest.family import Family, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType


def _load(minutes: int) -> Metric:
    return guest_metric(
        f"load{minutes}",
        MetricType.GAUGE,
        f"Load of the guest, averaged over {minutes} min",
        raw=f"kata_guest_load item load{minutes}",
        source="/proc/loadavg",
    )


LOAD = Family(
    name="kata_guest_load",
    items={f"load{minutes}": Item(_load(minutes)) for minutes in (1, 5, 15)},
)

_RUNNING = guest_metric(
    "procs_running",
    MetricType.GAUGE,
    "Processes and threads of the guest that are running or could run",
    raw="kata_guest_tasks item cur",
    source="/proc/loadavg",
)
_THREADS = guest_metric(
    "processes_threads",
    MetricType.GAUGE,
    "Processes and threads that exist in the guest",
    raw="kata_guest_tasks item max",
    source="/proc/loadavg",
)
TASKS = Family(name="kata_guest_tasks", items={"cur": Item(_RUNNING), "max": Item(_THREADS)})
