"""`GuestMethods` of the client, and what else concerns a guest as a whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.arguments import (
    MAX_U32,
    MAX_U64,
    checked_data,
    checked_flag,
    checked_number,
    checked_sequence,
    checked_text,
    checked_type,
    container_id,
    guest_path,
)
from kata_exporter.agent.calls.part import Part
from kata_exporter.agent.calls.reading import Reading
from kata_exporter.agent.errors import AgentError, answer_of, check_count
from kata_exporter.agent.interface.guest import GuestMethods
from kata_exporter.agent.messages.container import STORAGE
from kata_exporter.agent.messages.guest import (
    COMPACT_CONFIG,
    MEMCG_CONFIG,
    guest_details,
    volume_stats,
)
from kata_exporter.agent.methods import (
    ADD_SWAP,
    ADD_SWAP_PATH,
    COPY_FILE,
    GET_DIAGNOSTIC_DATA,
    GET_GUEST_DETAILS,
    GET_VOLUME_STATS,
    MEM_AGENT_COMPACT_SET,
    MEM_AGENT_MEMCG_SET,
    MEM_HOTPLUG_BY_PROBE,
    ONLINE_CPU_MEM,
    REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS,
    RESEED_RANDOM_DEV,
    RESIZE_VOLUME,
    SET_GUEST_DATE_TIME,
    SET_POLICY,
    UPDATE_EPHEMERAL_MOUNTS,
)
from kata_exporter.agent.types import CompactConfig, GuestDetails, MemcgConfig, Storage, VolumeStats
from kata_exporter.errors import ArgumentError
from kata_exporter.model import Container

DIRECTORY_MODE = 0x8000_0000 | 0o750
"""Of folders that the guest makes on a file's way. Bit 31 is how Kata's own client says "folder":
the guest masks it, but a policy may look at it."""

MAX_SECTIONS = 1 << 16
"""Sections of memory in one request: 8 TiB of the usual 128 MiB."""

TERMINATION_LOG = "termination_log"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class GuestCalls(Part, GuestMethods):
    """CPUs, memory, time and files."""

    async def get_guest_details(self, *, deadline: float | None = None) -> GuestDetails:
        request = pb.GuestDetailsRequest(mem_block_size=True, mem_hotplug_probe=True)
        answer = await self._caller.call(GET_GUEST_DETAILS, request, deadline=deadline)
        return guest_details(answer)

    async def online_cpu_mem(
        self, cpus: int, *, cpu_only: bool, deadline: float | None = None
    ) -> None:
        request = pb.OnlineCPUMemRequest(
            wait=False,
            nb_cpus=checked_number("cpus", cpus),
            cpu_only=checked_flag("cpu_only", cpu_only),
        )
        await self._caller.call(ONLINE_CPU_MEM, request, deadline=deadline)

    async def mem_hotplug_by_probe(
        self, address: int, size_mib: int, section_mib: int, *, deadline: float | None = None
    ) -> None:
        addresses = section_addresses(address, size_mib, section_mib)
        request = pb.MemHotplugByProbeRequest(memHotplugProbeAddr=addresses)
        await self._caller.call(MEM_HOTPLUG_BY_PROBE, request, deadline=deadline)

    async def reseed_rng(self, data: bytes, *, deadline: float | None = None) -> None:
        request = pb.ReseedRandomDevRequest(data=checked_data("data", data))
        await self._caller.call(RESEED_RANDOM_DEV, request, deadline=deadline)

    async def set_guest_date_time(self, time: datetime, *, deadline: float | None = None) -> None:
        if checked_type("time", time, datetime).utcoffset() is None:
            raise ArgumentError("time", time, "should have a time zone, as datetime.now(UTC) has")
        seconds, microseconds = divmod((time - _EPOCH) // _MICROSECOND, 1_000_000)
        request = pb.SetGuestDateTimeRequest(Sec=seconds, Usec=microseconds)
        await self._caller.call(SET_GUEST_DATE_TIME, request, deadline=deadline)

    async def copy_file(
        self, source: Path, destination: str, *, deadline: float | None = None
    ) -> None:
        path = guest_path("destination", destination)
        reading = Reading(checked_type("source", source, Path))
        try:
            while (read := await reading.next_piece()) is not None:
                opened, piece = read
                request = pb.CopyFileRequest(
                    path=path,
                    file_size=opened.size_bytes,
                    file_mode=opened.mode,
                    dir_mode=DIRECTORY_MODE,
                    uid=_signed(opened.uid),
                    gid=_signed(opened.gid),
                    offset=piece.offset,
                    data=piece.data,
                )
                await self._send_piece(request, deadline)
        finally:
            reading.close()

    async def add_swap(self, pci_path: Sequence[int], *, deadline: float | None = None) -> None:
        """Swap to a block device (``AddSwap``); `pci_path` are PCI slots from the root bus on."""
        slots = [
            checked_number(f"pci_path[{i}]", slot, most=31)
            for i, slot in enumerate(checked_sequence("pci_path", pci_path))
        ]
        if not slots:
            raise ArgumentError("pci_path", pci_path, "should lead to a device")
        await self._caller.call(ADD_SWAP, pb.AddSwapRequest(PCIPath=slots), deadline=deadline)

    async def add_swap_path(self, path: str, *, deadline: float | None = None) -> None:
        """Swap to a block device that the guest knows by its path (``AddSwapPath``)."""
        request = pb.AddSwapPathRequest(path=guest_path("path", path))
        await self._caller.call(ADD_SWAP_PATH, request, deadline=deadline)

    async def get_volume_stats(
        self, guest_volume_path: str, *, deadline: float | None = None
    ) -> VolumeStats:
        """Return usage and condition of a volume, by where the guest mounted it."""
        path = guest_path("guest_volume_path", guest_volume_path)
        request = pb.VolumeStatsRequest(volume_guest_path=path)
        answer = await self._caller.call(GET_VOLUME_STATS, request, deadline=deadline)
        check_count(GET_VOLUME_STATS, len(answer.usage))
        with answer_of(GET_VOLUME_STATS):
            return volume_stats(answer)

    async def resize_volume(
        self, guest_volume_path: str, size_bytes: int, *, deadline: float | None = None
    ) -> None:
        """Have a volume's file system fill what its device has now (``ResizeVolume``)."""
        request = pb.ResizeVolumeRequest(
            volume_guest_path=guest_path("guest_volume_path", guest_volume_path),
            size=checked_number("size_bytes", size_bytes, most=MAX_U64, unit="bytes"),
        )
        await self._caller.call(RESIZE_VOLUME, request, deadline=deadline)

    async def set_policy(self, policy: str, *, deadline: float | None = None) -> None:
        """Replace the policy of what the agent may be asked, in Rego (``SetPolicy``)."""
        request = pb.SetPolicyRequest(policy=checked_text("policy", policy))
        await self._caller.call(SET_POLICY, request, deadline=deadline)

    async def get_diagnostic_data(
        self, container: Container, *, deadline: float | None = None
    ) -> str:
        """Return a container's termination log (``GetDiagnosticData``); it is the guest's text."""
        request = pb.GetDiagnosticDataRequest(
            log_type=TERMINATION_LOG, container_id=container_id(container)
        )
        answer = await self._caller.call(
            GET_DIAGNOSTIC_DATA, request, deadline=deadline, container=container
        )
        return answer.data

    async def update_ephemeral_mounts(
        self, storages: Sequence[Storage], *, deadline: float | None = None
    ) -> None:
        """Give tmpfs mounts of the guest another size (``UpdateEphemeralMounts``)."""
        messages = STORAGE.encode_all(storages, "storages")
        request = pb.UpdateEphemeralMountsRequest(storages=messages)
        await self._caller.call(UPDATE_EPHEMERAL_MOUNTS, request, deadline=deadline)

    async def remove_stale_virtiofs_share_mounts(self, *, deadline: float | None = None) -> None:
        """Unmount what the guest shows of folders that the host no longer shares."""
        request = pb.RemoveStaleVirtiofsShareMountsRequest()
        await self._caller.call(REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS, request, deadline=deadline)

    async def set_mem_agent_memcg(
        self, config: MemcgConfig, *, deadline: float | None = None
    ) -> None:
        """Change how the guest reclaims memory (``MemAgentMemcgSet``)."""
        request = MEMCG_CONFIG.encode(config, "config")
        await self._caller.call(MEM_AGENT_MEMCG_SET, request, deadline=deadline)

    async def set_mem_agent_compact(
        self, config: CompactConfig, *, deadline: float | None = None
    ) -> None:
        """Change how the guest compacts memory (``MemAgentCompactSet``)."""
        request = COMPACT_CONFIG.encode(config, "config")
        await self._caller.call(MEM_AGENT_COMPACT_SET, request, deadline=deadline)

    async def _send_piece(self, request: pb.CopyFileRequest, deadline: float | None) -> None:
        try:
            await self._caller.call(COPY_FILE, request, deadline=deadline)
        except AgentError as error:
            if not request.file_size:
                # Kata's own client says it of pieces only, not of what goes in one request.
                error.kata_prefix = ""
            error.add_note(f"{request.offset} of {request.file_size} bytes had been sent before")
            raise


def section_addresses(address: int, size_mib: int, section_mib: int) -> list[int]:
    """Return the address in bytes of each section of memory.

    Raises:
        ArgumentError: a section has no size, there are too many, or one is beyond 64 bits.
    """
    checked_number("section_mib", section_mib, least=1)
    checked_number("size_mib", size_mib, most=min(MAX_U32, section_mib * MAX_SECTIONS))
    most = MAX_U64 - (size_mib << 20)
    checked_number("address", address, most=most, unit="so that the memory's end fits 64 bits")
    return [address + ((i * section_mib) << 20) for i in range(size_mib // section_mib)]


def _signed(number: int) -> int:
    """Return a number of 32 bits as the signed one that the message takes."""
    return number - (1 << 32) if number > MAX_U32 >> 1 else number
