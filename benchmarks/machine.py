"""Facts of the machine that figures depend on; nothing that names it, and no path of it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Json

_LIBRARIES = ("aiohttp", "prometheus-client", "protobuf")


def machine_facts() -> Json:
    """Return cores, memory, kernel, Python, and the versions of the libraries in the hot paths."""
    return {
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)),
        "cpu": _cpu_model(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.system(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""  # not every architecture says it
