"""The block devices of a simulated guest, and the filesystems on them."""

from random import Random

from kata_exporter.simulator.guest.units import MIB, PAGE_BYTES, SECTOR_BYTES
from kata_exporter.simulator.guest.wave import Wave

MAJOR = 254
"""Device number of virtio disks."""
REQUEST_BYTES = 24 * 1024
"""Mean size of a request."""
_SERVICE_MS = 0.4
"""Mean time that a request takes."""


class Disk:
    """A disk that is read and written in requests of one mean size.

    Args:
        rng: what its peculiarities are drawn from.
        name: as in the guest.
        read: mean bytes a second, beside what containers read.
        written: likewise.
    """

    def __init__(self, rng: Random, name: str, *, read: float = 0.0, written: float = 0.0) -> None:
        self.name = name
        self._read = Wave.random(rng, read)
        self._written = Wave.random(rng, written)

    def at(
        self, uptime: float, *, containers_read: int = 0, containers_written: int = 0
    ) -> dict[str, int]:
        """Return its line of /proc/diskstats: requests, sectors of 512 bytes, milliseconds.

        Args:
            uptime: seconds since the guest's boot.
            containers_read: bytes that containers have read since then.
            containers_written: likewise.
        """
        read = int(self._read.total(uptime)) + containers_read
        written = int(self._written.total(uptime)) + containers_written
        reads, writes = read // REQUEST_BYTES, written // REQUEST_BYTES
        flushes = writes // 5
        reading, writing = int(reads * _SERVICE_MS), int(writes * _SERVICE_MS)
        return {
            "discards": 0,
            "discards_merged": 0,
            "flushes": flushes,
            "in_progress": 0,
            "merged": reads // 30,
            "reads": reads,
            "sectors_discarded": 0,
            "sectors_read": read // SECTOR_BYTES,
            "sectors_written": written // SECTOR_BYTES,
            "time_discarding": 0,
            "time_flushing": flushes,
            "time_in_progress": (reading + writing) * 4 // 5,
            "time_reading": reading,
            "time_writing": writing,
            "weighted_time_in_progress": reading + writing + flushes,
            "writes": writes,
            "writes_merged": writes // 2,
        }


class Filesystem:
    """A filesystem that fills and empties a little."""

    def __init__(self, rng: Random, *, device: str, mount: str) -> None:
        self.device = device
        self.mount = mount
        self._total = rng.randrange(256, 2048) * MIB
        self._used = Wave.random(rng, self._total * rng.uniform(0.2, 0.6), swing=0.05)
        self._inodes = 65_536

    def space(self, uptime: float) -> dict[str, int]:
        """Return bytes available, in total, and used."""
        used = int(self._used.at(uptime)) // PAGE_BYTES * PAGE_BYTES
        return {"available": self._total - used, "total": self._total, "used": used}

    def inodes(self, uptime: float) -> dict[str, int]:
        """Return inodes available, in total, and used."""
        used = int(self._inodes * self._used.at(uptime) / self._total)
        return {"available": self._inodes - used, "total": self._inodes, "used": used}
