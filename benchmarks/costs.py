"""What a process has cost so far, as the kernel counts it: CPU time and resident memory."""

import time
from pathlib import Path

_CPUCLOCK_SCHED = 2
_RESET_PEAK = "5"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all its threads, to the nanosecond.

    The clock's id is made as ``clock_getcpuclockid(3)`` makes it; ``/proc/PID/stat`` counts in
    hundredths of a second, too coarse for a scrape.

    Raises:
        OSError: there is no such process.
    """
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def reset_peak(pid: int) -> None:
    """Have the peak of resident memory begin anew (``/proc/PID/clear_refs``, proc(5)).

    Raises:
        OSError: there is no such process, or it isn't ours.
    """
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def peak_bytes(pid: int) -> int:
    """Return the peak of resident memory (``VmHWM`` of ``/proc/PID/status``, proc(5)).

    Raises:
        OSError: there is no such process.
        ValueError: it has no memory any more: it has ended and wasn't waited for.
    """
    return _status_bytes(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """Return resident memory as it is now (``VmRSS``); raises as `peak_bytes`."""
    return _status_bytes(pid, "VmRSS")


def _status_bytes(pid: int, wanted: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.split()[0]) << 10
    raise ValueError(f"process {pid} has ended")
