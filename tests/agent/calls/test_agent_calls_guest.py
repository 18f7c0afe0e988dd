"""The guest's machine: memory in sections, the clock to the microsecond, files in pieces."""

import asyncio
import os
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.calls.guest import MAX_SECTIONS, section_addresses
from kata_exporter.agent.calls.source import PIECE_BYTES
from kata_exporter.agent.methods import METHODS
from kata_exporter.agent.types import MemcgConfig, VolumeStats
from kata_exporter.errors import ArgumentError, Reason
from scripted_agent import ScriptedAgent, never, scripted_agent

COPY = "grpc.AgentService/CopyFile"
TO = "/run/kata-containers/shared/containers/file"


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    scripted.answers = {method.full_name: b"" for method in METHODS} | scripted.answers
    return KataAgent(scripted.dial_url, "mock:///a", clock=clock)


def copied(scripted: ScriptedAgent) -> list[pb.CopyFileRequest]:
    return [pb.CopyFileRequest.FromString(request.payload) for request in scripted.asked]


@pytest.mark.parametrize("size_bytes", [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 3])
async def test_copy_file_sends_pieces_that_make_up_the_file(
    clock: FakeClock, tmp_path: Path, size_bytes: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data := os.urandom(size_bytes))
    path.chmod(0o604)
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.copy_file(path, TO)

        requests = copied(scripted)
        assert b"".join(request.data for request in requests) == data
        assert [request.offset for request in requests] == list(
            range(0, max(1, size_bytes), PIECE_BYTES)
        )
        for request in requests:
            assert (request.path, request.file_size) == (TO, size_bytes)
            assert (request.file_mode, request.dir_mode) == (0o100604, 0x800001E8)
            assert (request.uid, request.gid) == (os.getuid(), os.getgid())
        await agent.aclose()


async def test_copy_file_sends_a_folder_and_a_link_as_one_request(
    clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("target")
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.copy_file(tmp_path, TO)
        await agent.copy_file(tmp_path / "link", TO)

        folder, link = copied(scripted)
        assert (folder.data, folder.file_size, folder.file_mode >> 12) == (b"", 0, 0o04)
        assert (link.data, link.file_size, link.file_mode >> 12) == (b"target", 0, 0o12)
        await agent.aclose()


async def test_copy_file_has_the_time_of_the_class_for_each_piece(
    clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))

    async def slowly() -> bytes:
        clock.advance(40)
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = slowly
        agent = agent_of(scripted, clock)
        await agent.copy_file(path, TO)

        assert [request.timeout_ns for request in scripted.asked] == [59_900_000_000] * 2
        await agent.aclose()


async def test_copy_file_with_a_deadline_has_it_for_all_pieces(
    clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))

    async def at_once() -> bytes:
        clock.advance(4)
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = at_once
        agent = agent_of(scripted, clock)
        await agent.copy_file(path, TO, deadline=clock.monotonic() + 10)

        seconds = [request.timeout_ns / 1e9 for request in scripted.asked]
        assert seconds == [pytest.approx(9.9), pytest.approx(5.9)]
        await agent.aclose()


async def test_copy_file_can_be_cancelled_between_pieces(clock: FakeClock, tmp_path: Path) -> None:
    """Left: no open file, which the check after each test shows, and a usable connection."""
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))
    asked = asyncio.Event()

    async def hang() -> bytes:
        asked.set()
        return await never()

    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = hang
        agent = agent_of(scripted, clock)
        copy = asyncio.create_task(agent.copy_file(path, TO))
        await asked.wait()
        copy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copy

        await agent.check()
        assert scripted.dials == 1
        await agent.aclose()


@pytest.mark.parametrize("bad", ["", "relative/x", "/a/../b", "/a\0b", "/\ud800"])
async def test_paths_in_the_guest_are_absolute_and_lead_nowhere_else(
    clock: FakeClock, tmp_path: Path, bad: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        for argument, call in (
            ("destination", agent.copy_file(tmp_path, bad)),
            ("path", agent.add_swap_path(bad)),
            ("guest_volume_path", agent.get_volume_stats(bad)),
            ("guest_volume_path", agent.resize_volume(bad, 1)),
        ):
            with pytest.raises(ArgumentError) as caught:
                await call
            assert caught.value.argument == argument

    assert scripted.dials == 0


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 12), st.integers(1, 1 << 10))
def test_sections_lie_one_after_the_other_within_the_memory(
    address: int, size_mib: int, section_mib: int
) -> None:
    addresses = section_addresses(address, size_mib, section_mib)

    assert len(addresses) == size_mib // section_mib
    assert addresses[:1] in ([], [address])
    steps = {later - first for first, later in pairwise(addresses)}
    assert steps <= {section_mib << 20}
    assert all(each + (section_mib << 20) <= address + (size_mib << 20) for each in addresses)


@pytest.mark.parametrize(
    ("address", "size_mib", "section_mib", "argument"),
    [
        (0, 128, 0, "section_mib"),
        (0, 128, -1, "section_mib"),
        (0, -1, 128, "size_mib"),
        (0, MAX_SECTIONS + 1, 1, "size_mib"),
        (-1, 128, 128, "address"),
        ((1 << 64) - (128 << 20), 128, 128, "address"),
    ],
)
def test_sections_that_cannot_be_are_refused(
    address: int, size_mib: int, section_mib: int, argument: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        section_addresses(address, size_mib, section_mib)

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("time", "sent"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), (0, 0)),
        (datetime(2038, 1, 19, 3, 14, 8, 1, tzinfo=UTC), (1 << 31, 1)),
        (datetime(1970, 1, 1, 0, 0, 1, 999999, timezone(timedelta(hours=-1))), (3601, 999999)),
        (datetime(1969, 12, 31, 23, 59, 59, 250000, UTC), (-1, 250000)),
    ],
)
async def test_set_guest_date_time_is_exact_to_the_microsecond(
    clock: FakeClock, time: datetime, sent: tuple[int, int]
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.set_guest_date_time(time)

        request = pb.SetGuestDateTimeRequest.FromString(scripted.asked[0].payload)
        assert (request.Sec, request.Usec) == sent
        await agent.aclose()


async def test_bad_arguments_are_named_before_anything_is_sent(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        for argument, call in (
            ("time", agent.set_guest_date_time(datetime(2026, 1, 1))),  # noqa: DTZ001  on purpose
            ("cpus", agent.online_cpu_mem(-1, cpu_only=True)),
            ("cpus", agent.online_cpu_mem(1 << 32, cpu_only=True)),
            ("data", agent.reseed_rng("seed")),  # type: ignore[arg-type]  # on purpose
            ("size_bytes", agent.resize_volume("/run/v", -1)),
            ("size_bytes", agent.resize_volume("/run/v", 1 << 64)),
            ("pci_path[1]", agent.add_swap([2, 32])),
            ("policy", agent.set_policy("")),
            ("config.swappiness_max", agent.set_mem_agent_memcg(MemcgConfig(swappiness_max=-1))),
        ):
            with pytest.raises(ArgumentError) as caught:
                await call
            assert caught.value.argument == argument

    assert scripted.dials == 0


async def test_volume_without_a_condition_has_none_and_an_unknown_unit_is_refused(
    clock: FakeClock,
) -> None:
    stats = "grpc.AgentService/GetVolumeStats"
    odd = csi_pb2.VolumeStatsResponse(usage=[csi_pb2.VolumeUsage(unit=9)])  # type: ignore[arg-type]  # on purpose
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        assert await agent.get_volume_stats("/run/v") == VolumeStats(())

        scripted.answers[stats] = odd.SerializeToString()
        with pytest.raises(AgentError, match="unit is 9, which has no name") as caught:
            await agent.get_volume_stats("/run/v")
        assert caught.value.reason is Reason.PROTOCOL_ERROR
        await agent.aclose()


async def test_details_time_out_under_the_name_of_katas_own_client(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetGuestDetails"] = never
        agent = agent_of(scripted, clock)
        task = asyncio.create_task(agent.get_guest_details())
        await settle()
        clock.advance(60)
        with pytest.raises(AgentError) as caught:
            await task

        assert caught.value.kata_text == "GuestDetailsRequest request timed out"
        await agent.aclose()
