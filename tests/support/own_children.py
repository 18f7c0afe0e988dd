"""The processes that a test has started."""

import os
from pathlib import Path


def own_children() -> set[str]:
    """Return the process ids of this process's children."""
    pid = os.getpid()
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
