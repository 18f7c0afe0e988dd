"""What a process can tell of where it runs."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

MARKS: Sequence[Path] = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""What Docker and Podman leave in a container."""
_SECCOMP = re.compile(r"^Seccomp:\s*2$", re.MULTILINE)


def in_container() -> bool:
    """Whether this seems to be a container, of Docker, Podman or Kubernetes."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) or any(mark.exists() for mark in MARKS)


def is_filtered() -> bool:
    """Whether a seccomp profile holds for this process."""
    try:
        return bool(_SECCOMP.search(Path("/proc/self/status").read_text()))
    except OSError:
        return False
