"""What the directory source has counted, by whoever is given to it."""

from enum import StrEnum
from typing import Protocol

from kata_exporter.errors import Reason


class ResyncCause(StrEnum):
    """Why a directory was looked through as a whole, its start apart. A closed set."""

    OVERFLOW = "overflow"
    """The kernel had more events than its queue holds, and dropped some."""
    WATCH_LOST = "watch_lost"
    """The directory was removed, moved, replaced or unmounted."""
    APPEARED = "appeared"
    """The directory wasn't there before."""
    PERIODIC = "periodic"
    """A minute has passed."""


class DirectoryMetrics(Protocol):
    """Takes note of how directories are watched."""

    def set_present(self, directory: str, *, present: bool) -> None:
        """Take note of whether a directory is there."""

    def set_inotify(self, directory: str, *, inotify: bool) -> None:
        """Take note of whether the kernel tells of its changes; otherwise it is polled."""

    def count_resync(self, cause: ResyncCause) -> None:
        """Count a look through a whole directory."""

    def count_shim_request(self, result: Reason) -> None:
        """Count a question to a shim, by how it ended."""

    def forget(self, directory: str) -> None:
        """Forget a directory that is no longer watched."""
