"""``kata_agent_*``: the agent's own process, as the agent finds it under /proc/self."""

from kata_exporter.guest.families.left_out import left_out
from kata_exporter.guest.family import Family, Item, guest_metric
from kata_exporter.guest.numbers import from_kibibytes
from kata_exporter.metrics import Metric, MetricType


def _counter(
    name: str, what: str, raw: str, source: str, unit: str = "", labels: tuple[str, ...] = ()
) -> Metric:
    return guest_metric(
        f"agent_{name}_total",
        MetricType.COUNTER,
        what,
        raw=f"kata_agent_{raw}",
        source=f"/proc/self/{source}",
        unit=unit,
        labels=labels,
    )


def _gauge(name: str, what: str, raw: str, source: str, unit: str = "") -> Metric:
    return guest_metric(
        f"agent_{name}",
        MetricType.GAUGE,
        what,
        raw=f"kata_agent_{raw}",
        source=f"/proc/self/{source}",
        unit=unit,
    )


def _single(raw: str, metric: Metric) -> Family:
    return Family(name=f"kata_agent_{raw}", items={"": Item(metric)})


TOTAL_TIME = _single(
    "total_time",
    _counter("cpu_seconds", "Seconds of CPU that the agent used", "total_time", "stat", "seconds"),
)
TOTAL_RSS = _single(
    "total_rss",
    _gauge("resident_memory_bytes", "Resident memory of the agent", "total_rss", "stat", "bytes"),
)
TOTAL_VM = _single(
    "total_vm",
    _gauge("virtual_memory_bytes", "Virtual memory of the agent", "total_vm", "stat", "bytes"),
)
_THREADS = guest_metric(
    "agent_threads",
    MetricType.GAUGE,
    "Threads of the agent",
    raw="kata_agent_threads; process_threads before 3.1.0",
    source="/proc/self/stat",
)
THREADS = _single("threads", _THREADS)
THREADS_UNCOUNTED = Family(name="kata_agent_threads", items={}, left_out=frozenset({""}))
"""Before 3.3.0, when it was always 0."""
SCRAPE_COUNT = _single(
    "scrape_count",
    guest_metric(
        "agent_scrapes_total",
        MetricType.COUNTER,
        "Times that anyone asked the agent for metrics",
        raw="kata_agent_scrape_count",
        source="the agent's own count",
    ),
)

_SWITCHES = _counter(
    "context_switches",
    "Context switches of the agent's main thread",
    "proc_status items voluntary_ctxt_switches, nonvoluntary_ctxt_switches",
    "status",
    labels=("kind",),
)
PROC_STATUS = Family(
    name="kata_agent_proc_status",
    items={
        "vmhwm": Item(
            _gauge(
                "peak_resident_memory_bytes",
                "Most resident memory that the agent ever had",
                "proc_status item vmhwm",
                "status",
                "bytes",
            ),
            from_kibibytes,
        ),
        "rssanon": Item(
            _gauge(
                "resident_anonymous_memory_bytes",
                "Resident memory of the agent that no file backs",
                "proc_status item rssanon",
                "status",
                "bytes",
            ),
            from_kibibytes,
        ),
        "vmswap": Item(
            _gauge(
                "swapped_memory_bytes",
                "Memory of the agent that is swapped out",
                "proc_status item vmswap",
                "status",
                "bytes",
            ),
            from_kibibytes,
        ),
        "voluntary_ctxt_switches": Item(_SWITCHES, pairs={"kind": "voluntary"}),
        "nonvoluntary_ctxt_switches": Item(_SWITCHES, pairs={"kind": "nonvoluntary"}),
    },
    left_out=left_out("kata_agent_proc_status"),
)
PROC_STAT = Family(name="kata_agent_proc_stat", items={}, left_out=left_out("kata_agent_proc_stat"))

_IO = {
    "read_bytes": ("io_read_bytes", "Bytes that the agent had read from disks", "bytes"),
    "write_bytes": ("io_written_bytes", "Bytes that the agent had written to disks", "bytes"),
    "cancelled_write_bytes": (
        "io_cancelled_write_bytes",
        "Bytes that the agent wrote and that were truncated before they reached a disk",
        "bytes",
    ),
    "rchar": ("io_rchar_bytes", "Bytes that the agent's read calls returned", "bytes"),
    "wchar": ("io_wchar_bytes", "Bytes that the agent's write calls took", "bytes"),
    "syscr": ("io_read_calls", "Read calls of the agent", ""),
    "syscw": ("io_write_calls", "Write calls of the agent", ""),
}
IO_STAT = Family(
    name="kata_agent_io_stat",
    items={
        item: Item(_counter(name, what, f"io_stat item {item}", "io", unit))
        for item, (name, what, unit) in _IO.items()
    },
)
