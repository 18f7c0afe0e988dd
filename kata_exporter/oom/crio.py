"""CRI-O's way: Kata's shim leaves an empty file ``oom`` in the bundle of a container that ran out.

kata-containers, ``src/runtime/pkg/containerd-shim-v2/wait.go``. CRI-O's bundle of a container is
``<folder>/<container id>/userdata``.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from kata_exporter.model import SANDBOX_ID, OomSeen
from kata_exporter.oom.outcome import OomSource


def is_there(bundles: str) -> bool:
    """Whether CRI-O's folder of bundles is there."""
    return Path(bundles).is_dir()


def find(bundles: str, container_ids: Iterable[str]) -> Iterator[OomSeen]:
    """Yield an event for each container with such a file; blocks.

    Args:
        bundles: CRI-O's folder.
        container_ids: of the containers to look at; no link is followed below the folder.
    """
    for container_id in container_ids:
        if not SANDBOX_ID.fullmatch(container_id):
            continue
        at_ns = _modified_ns(Path(bundles, container_id), "userdata", "oom")
        if at_ns is not None:
            yield OomSeen(OomSource.CRIO, container_id, "", at_ns)


def _modified_ns(folder: Path, *names: str) -> int | None:
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return None
        path = folder
        for name in names[:-1]:
            path /= name
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return None
        found = os.lstat(path / names[-1])
    except OSError:
        return None  # most containers have none, and bundles come and go
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None
