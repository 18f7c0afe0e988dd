"""What clients do to the system of a simulated guest: sandbox, network, memory, files, policy."""

import asyncio
import stat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2, csi_pb2, types_pb2
from kata_exporter.simulator import SimulatedAgent, SimulatedGuest
from kata_exporter.simulator.agent.copied_files import (
    MOST_BYTES,
    SHARED_FOLDER,
    CopiedFile,
    CopiedFiles,
)
from kata_exporter.simulator.agent.versions import NEWEST
from kata_exporter.ttrpc import Code, StatusError
from named_calls import NamedCalls

FILE, FOLDER, LINK = 0o100640, 0o040750, 0o120777


class Rig:
    """A guest and its agent, and whether it has powered off."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.exits: list[tuple[str, int]] = []
        self.powered_off = 0
        self.guest = SimulatedGuest(clock, sandbox_id="demo-1", container_ids=["c1"], seed=1)
        self.agent = SimulatedAgent(
            self.guest,
            clock,
            on_exit=lambda id_, code: self.exits.append((id_, code)),
            on_power_off=self._power_off,
        )
        self.calls = NamedCalls.to(self.agent)

    def _power_off(self) -> None:
        self.powered_off += 1


@pytest.fixture
def rig(clock: FakeClock) -> Rig:
    return Rig(clock)


@pytest.fixture
def calls(rig: Rig) -> NamedCalls:
    return rig.calls


SERVED = [
    method.name
    for method in agent_pb2.DESCRIPTOR.services_by_name["AgentService"].methods
    if NEWEST.serves(method.name)
]


def test_the_methods_that_the_newest_release_serves() -> None:
    assert len(SERVED) == 42
    assert "ListProcesses" not in SERVED


@pytest.mark.parametrize("method", SERVED)
async def test_each_method_that_the_newest_release_serves_has_a_handler(
    calls: NamedCalls, method: str
) -> None:
    asked = asyncio.create_task(calls(method))
    await settle()
    if not asked.done():
        assert method == "GetOOMEvent"
        asked.cancel()
        await asyncio.wait([asked])
        return
    if isinstance(error := asked.exception(), StatusError):  # for want of arguments
        assert error.code in {Code.INVALID_ARGUMENT, Code.INTERNAL} or method == "ResizeVolume"
        assert "is not supported" not in error.message
    else:
        assert error is None


async def test_a_sandbox_is_made_with_a_name_and_its_dns(rig: Rig, calls: NamedCalls) -> None:
    await calls("CreateSandbox", hostname="web", dns=["nameserver 10.0.0.2", ""])

    assert (rig.agent.system.hostname, rig.agent.system.dns) == (
        "web",
        ("nameserver 10.0.0.2", ""),
    )
    modules = [agent_pb2.KernelModule(name="")]
    assert (await calls.refused("CreateSandbox", kernel_modules=modules))[0] is Code.INTERNAL


async def test_a_boot_undoes_what_calls_have_done(rig: Rig, calls: NamedCalls) -> None:
    await calls("CreateSandbox", hostname="web")
    await calls("UpdateRoutes", routes=agent_pb2.Routes())

    rig.guest.restart()

    assert rig.agent.system.hostname == ""
    assert len((await calls("ListRoutes")).Routes) == 1


async def test_a_destroyed_sandbox_ends_all_waiting_and_powers_off_after_the_answer(
    rig: Rig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "sleep", "60")
    event = asyncio.create_task(calls.refused("GetOOMEvent"))
    waiters = [asyncio.create_task(calls.wait("c1", id_)) for id_ in ("", "e1")]
    await settle()

    await calls("DestroySandbox")

    assert await event == (Code.INTERNAL, '""')
    assert await asyncio.gather(*waiters) == [137, 137]
    assert sorted(rig.exits) == [("c1", 137), ("demo-1", 137)]
    assert await calls.refused("GetOOMEvent") == (Code.INTERNAL, '""')
    assert (await calls.refused("DestroySandbox"))[0] is Code.INTERNAL
    assert rig.powered_off == 0
    rig.clock.advance(0.1)
    assert (rig.powered_off, rig.clock.pending) == (1, 0)


async def test_an_event_that_came_before_the_end_is_still_got(rig: Rig, calls: NamedCalls) -> None:
    rig.agent.kill_for_memory("c1")
    await calls("DestroySandbox")

    assert (await calls("GetOOMEvent")).container_id == "c1"
    assert (await calls.refused("GetOOMEvent"))[0] is Code.INTERNAL


async def test_a_guest_that_boots_before_its_end_stays(rig: Rig, calls: NamedCalls) -> None:
    await calls("DestroySandbox")
    rig.guest.restart()
    rig.clock.advance(1)

    assert rig.powered_off == 0


async def test_interfaces_are_found_by_their_address_and_changed(calls: NamedCalls) -> None:
    (there,) = (await calls("ListInterfaces")).Interfaces
    changed = types_pb2.Interface(device="eth0", name="eth0", mtu=9000, hwAddr=there.hwAddr)

    assert await calls("UpdateInterface", interface=changed) == changed

    assert list((await calls("ListInterfaces")).Interfaces) == [changed]
    unknown = types_pb2.Interface(hwAddr="02:00:00:00:00:09")
    code, message = await calls.refused("UpdateInterface", interface=unknown)
    assert code is Code.INTERNAL
    assert "Link not found" in message


async def test_routes_and_neighbours(calls: NamedCalls) -> None:
    route = types_pb2.Route(dest="10.1.0.0/16", device="eth0")

    answer = await calls("UpdateRoutes", routes=agent_pb2.Routes(Routes=[route]))

    assert list(answer.Routes) == [route]
    assert await calls("ListRoutes") == answer
    neighbors = agent_pb2.ARPNeighbors(ARPNeighbors=[types_pb2.ARPNeighbor(device="eth0")])
    await calls("AddARPNeighbors", neighbors=neighbors)


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("UpdateInterface", "update interface"),
        ("UpdateRoutes", "update routes"),
        ("AddARPNeighbors", "add arp neighbours"),
    ],
)
async def test_network_calls_without_an_argument(calls: NamedCalls, method: str, what: str) -> None:
    expected = (Code.INVALID_ARGUMENT, f'"empty {what} request"')
    assert await calls.refused(method) == expected


async def test_ip_tables_are_kept_by_family(calls: NamedCalls) -> None:
    await calls("SetIPTables", is_ipv6=True, data=b"*filter\nCOMMIT\n")

    assert (await calls("GetIPTables", is_ipv6=True)).data == b"*filter\nCOMMIT\n"
    assert (await calls("GetIPTables")).data == b""


async def test_only_processors_that_are_there_come_online(rig: Rig, calls: NamedCalls) -> None:
    await calls("OnlineCPUMem", nb_cpus=rig.guest.cpus)

    refused = await calls.refused("OnlineCPUMem", nb_cpus=rig.guest.cpus + 1, cpu_only=True)
    assert refused[0] is Code.INTERNAL


async def test_without_a_probe_no_memory_is_plugged_by_one(calls: NamedCalls) -> None:
    details = await calls("GetGuestDetails", mem_hotplug_probe=True)

    assert not details.support_mem_hotplug_probe
    refused = await calls.refused("MemHotplugByProbe", memHotplugProbeAddr=[1 << 30])
    assert refused[0] is Code.INTERNAL


@pytest.mark.parametrize(
    ("sec", "usec", "is_time"),
    [(0, 0, True), (1, 999_999, True), (1, 1_000_000, False), (1, -1, False), (-1, 0, False)],
)
async def test_time_is_set_to_what_is_one(
    rig: Rig, calls: NamedCalls, sec: int, usec: int, *, is_time: bool
) -> None:
    if is_time:
        await calls("SetGuestDateTime", Sec=sec, Usec=usec)
        assert rig.agent.system.clock == pytest.approx(sec + usec / 1e6)
    else:
        refused = await calls.refused("SetGuestDateTime", Sec=sec, Usec=usec)
        assert refused[0] is Code.INTERNAL
        assert rig.agent.system.clock is None


async def test_small_calls(rig: Rig, calls: NamedCalls) -> None:
    await calls("ReseedRandomDev", data=b"x")
    assert (await calls.refused("ReseedRandomDev"))[0] is Code.INTERNAL
    await calls("SetPolicy", policy="package agent_policy")
    assert rig.agent.system.policy == "package agent_policy"
    assert (await calls.refused("ResizeVolume"))[0] is Code.UNIMPLEMENTED
    for method in ("MemAgentMemcgSet", "MemAgentCompactSet"):
        assert await calls.refused(method) == (Code.INTERNAL, "mem-agent is disabled")


async def test_statistics_of_a_volume_are_its_filesystems(rig: Rig, calls: NamedCalls) -> None:
    (_, mount), space = next(iter(rig.guest.state().filesystem_bytes.items()))

    answer = await calls("GetVolumeStats", volume_guest_path=mount)

    in_bytes, inodes = answer.usage
    assert (in_bytes.unit, inodes.unit) == (csi_pb2.VolumeUsage.BYTES, csi_pb2.VolumeUsage.INODES)
    assert (in_bytes.used, in_bytes.total) == (space["used"], space["total"])
    assert not answer.volume_condition.abnormal
    refused = await calls.refused("GetVolumeStats", volume_guest_path="/none")
    assert refused[0] is Code.INTERNAL


def copy(files: CopiedFiles, name: str, data: bytes = b"", **fields: Any) -> None:
    defaults: dict[str, Any] = {
        "file_size": len(data),
        "file_mode": FILE,
        "dir_mode": 0o750,
        "data": data,
    }
    files.copy(agent_pb2.CopyFileRequest(path=f"{SHARED_FOLDER}/{name}", **(defaults | fields)))


def errno_of(files: CopiedFiles, name: str, data: bytes = b"", **fields: Any) -> str:
    with pytest.raises(StatusError) as caught:
        copy(files, name, data, **fields)
    assert caught.value.code == Code.INTERNAL
    return caught.value.message.partition(":")[0]


def test_a_file_has_its_mode_its_owner_and_folders_around_it() -> None:
    files = CopiedFiles()

    copy(files, "a/b/c", b"x", uid=1, gid=2)

    assert files.files == {
        SHARED_FOLDER / "a": CopiedFile(stat.S_IFDIR | 0o750, 1, 2),
        SHARED_FOLDER / "a/b": CopiedFile(stat.S_IFDIR | 0o750, 1, 2),
        SHARED_FOLDER / "a/b/c": CopiedFile(FILE, 1, 2, b"x"),
    }
    assert files.read(f"{SHARED_FOLDER}/a/b/c") == b"x"
    assert files.read(f"{SHARED_FOLDER}/a") is None


def test_the_bit_with_which_go_marks_a_folder_is_masked() -> None:
    files = CopiedFiles()

    copy(files, "a/b", dir_mode=0x800001E8)

    assert files.files[SHARED_FOLDER / "a"].mode == stat.S_IFDIR | 0o750


def test_folders_keep_what_is_in_them_and_links_and_files_take_their_place() -> None:
    files = CopiedFiles()
    copy(files, "a/b", b"x")
    copy(files, "a", file_mode=FOLDER)
    assert files.read(f"{SHARED_FOLDER}/a/b") == b"x"

    copy(files, "a", b"/target", file_mode=LINK)

    assert files.files == {SHARED_FOLDER / "a": CopiedFile(stat.S_IFLNK, 0, 0, b"/target")}
    assert errno_of(files, "a/b") == "ENOTDIR"
    copy(files, "a", b"file")
    assert files.read(f"{SHARED_FOLDER}/a") == b"file"


@pytest.mark.parametrize("path", ["", "/etc/passwd", str(SHARED_FOLDER), f"{SHARED_FOLDER}/../x"])
def test_nothing_is_copied_elsewhere(path: str) -> None:
    files = CopiedFiles()

    with pytest.raises(StatusError, match="EACCES"):
        files.copy(agent_pb2.CopyFileRequest(path=path, file_mode=FILE))

    assert files.files == {}


def test_a_file_is_there_once_it_is_whole_and_the_one_before_is_not() -> None:
    files = CopiedFiles()
    copy(files, "a", b"before")

    copy(files, "a", b"ab", file_size=3)
    assert files.read(f"{SHARED_FOLDER}/a") is None
    copy(files, "a", b"c", file_size=3, offset=2)

    assert files.read(f"{SHARED_FOLDER}/a") == b"abc"


def test_files_that_differ_in_their_suffix_get_into_each_others_way_as_in_a_real_guest() -> None:
    files = CopiedFiles()

    copy(files, "a.txt", b"12", file_size=4)
    copy(files, "a.log", b"ab", file_size=4)
    copy(files, "a.txt", b"34", file_size=4, offset=2)

    assert files.read(f"{SHARED_FOLDER}/a.txt") == b"ab34"


@pytest.mark.parametrize("offset", [1, MOST_BYTES, (1 << 63) - 1])
def test_there_is_no_room_beyond_the_guests(offset: int) -> None:
    files = CopiedFiles()
    copy(files, "big", bytes(MOST_BYTES - 1))

    assert errno_of(files, "a", b"x", offset=offset) == "ENOSPC"
    assert errno_of(files, "a", b"/x", file_mode=LINK) == "ENOSPC"
    assert errno_of(files, "a", b"x", offset=-1) == "EINVAL"
    copy(files, "a", b"x")


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=30), st.randoms())
def test_pieces_rebuild_a_file_whatever_the_chunking(
    data: bytes, cuts: list[int], random: Any
) -> None:
    """The first and the last in their places, as they begin and end it; the others in any order."""
    pieces = []
    offset = 0
    for size in [*cuts, len(data)]:
        pieces.append((offset, data[offset : offset + size]))
        offset += size
        if offset >= len(data):
            break
    middle = pieces[1:-1]
    random.shuffle(middle)
    files = CopiedFiles()

    for offset, piece in [pieces[0], *middle, *pieces[1:][-1:]]:
        assert files.files == {}
        copy(files, "f", piece, offset=offset, file_size=len(data))

    assert files.files == {SHARED_FOLDER / "f": CopiedFile(FILE, 0, 0, data)}
