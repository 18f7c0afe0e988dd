"""``process_*``: the agent's process once more, as its library has it.

Agents before 3.1.0 send what rust-prometheus registers by itself. Most of it is in the agent's own
families too.
"""

from kata_exporter.guest.families.agent_process import THREADS
from kata_exporter.guest.families.left_out import LEFT_OUT
from kata_exporter.guest.family import Family, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType

_PREFIX = "process_"


def _gauge(name: str, what: str, source: str, unit: str = "") -> Metric:
    return guest_metric(
        f"agent_{name}",
        MetricType.GAUGE,
        f"{what}; agents before 3.1.0 only",
        raw=_PREFIX + name,
        source=source,
        unit=unit,
    )


_OPEN_FDS = _gauge("open_fds", "File descriptors that the agent has open", "/proc/self/fd")
_MAX_FDS = _gauge(
    "max_fds", "File descriptors that the agent may have open", "getrlimit(RLIMIT_NOFILE)"
)
_START_TIME = _gauge(
    "start_time_seconds",
    "When the agent started by the guest's clock, in seconds since 1970",
    "/proc/self/stat and /proc/stat",
    "seconds",
)
_PUBLISHED = {
    "open_fds": _OPEN_FDS,
    "max_fds": _MAX_FDS,
    "start_time_seconds": _START_TIME,
    "threads": THREADS.metrics[0],
}

LIBRARY: tuple[Family, ...] = (
    *(Family(name=_PREFIX + name, items={"": Item(metric)}) for name, metric in _PUBLISHED.items()),
    *(
        Family(name=part.family, items={}, left_out=frozenset({""}))
        for part in LEFT_OUT
        if part.family.startswith(_PREFIX)
    ),
)
