"""The guest's machine: CPUs, memory, time, files."""

from datetime import datetime
from pathlib import Path
from typing import Protocol

from kata_exporter.agent.types import GuestDetails


class GuestMethods(Protocol):
    """What concerns a guest as a whole."""

    async def get_guest_details(self, *, deadline: float | None = None) -> GuestDetails:
        """Return what the agent says of itself and its guest (``GetGuestDetails``)."""

    async def online_cpu_mem(
        self, cpus: int, *, cpu_only: bool, deadline: float | None = None
    ) -> None:
        """Bring plugged CPUs, and unless `cpu_only` memory, online (``OnlineCPUMem``).

        `cpus` is how many should be online in all, 0 to leave that unchecked. The guest tries for a
        while by itself.
        """

    async def mem_hotplug_by_probe(
        self, address: int, size_mib: int, section_mib: int, *, deadline: float | None = None
    ) -> None:
        """Tell the guest's kernel of new memory (``MemHotplugByProbe``), section after section.

        Args:
            address: physical address in the guest, in bytes, where the memory begins.
            size_mib: of the memory; what doesn't fill a section is left out.
            section_mib: size of the guest's memory sections.
            deadline: as everywhere.

        Raises:
            ArgumentError: a section has no size, or an address doesn't fit 64 bits.
        """

    async def reseed_rng(self, data: bytes, *, deadline: float | None = None) -> None:
        """Mix `data` into the guest's random numbers (``ReseedRandomDev``)."""

    async def set_guest_date_time(self, time: datetime, *, deadline: float | None = None) -> None:
        """Set the guest's clock, to the microsecond (``SetGuestDateTime``).

        Raises:
            ArgumentError: `time` has no time zone.
        """

    async def copy_file(
        self, source: Path, destination: str, *, deadline: float | None = None
    ) -> None:
        """Copy a file, folder or symbolic link of the host to the guest (``CopyFile``).

        A file goes in pieces of 1 MiB, each with the time-out of the class where no deadline is
        given; of a folder only itself goes, with owner and mode; a link isn't followed.

        Args:
            source: on the host.
            destination: absolute in the guest; agents take what is below
                ``/run/kata-containers/shared/containers``.
            deadline: as everywhere.

        Raises:
            ArgumentError: `source` is neither of the three; nothing was sent.
            CopyError: it can't be read, or was changed, removed or replaced meanwhile; says how many
                of its bytes were sent, and the guest keeps what it had under that name.
            AgentError: of a piece; a note says how many bytes had been sent before.
        """
