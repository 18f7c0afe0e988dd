"""What a process can tell of where it runs."""

import os
import re
from pathlib import Path

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_SECCOMP = re.compile(r"^Seccomp:\s*2$", re.MULTILINE)


def in_container() -> bool:
    """Whether this seems to be a container: Docker, Podman and Kubernetes each leave a mark."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) or any(mark.exists() for mark in _MARKS)


def is_filtered() -> bool:
    """Whether a seccomp profile holds for this process."""
    try:
        return bool(_SECCOMP.search(Path("/proc/self/status").read_text()))
    except OSError:
        return False
