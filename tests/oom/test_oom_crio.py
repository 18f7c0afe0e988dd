"""CRI-O's bundles: a file ``oom`` says that there was one; nothing is followed to get there."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.model import OomSeen
from kata_exporter.oom.crio import LOOK_GAP_SECONDS, LOOK_SECONDS, CrioWatch, find, is_there
from waiting import soon


def _bundle(folder: Path, container_id: str) -> Path:
    bundle = folder / container_id / "userdata"
    bundle.mkdir(parents=True)
    return bundle


def test_a_file_oom_is_an_event_of_its_time(tmp_path: Path) -> None:
    (_bundle(tmp_path, "c1") / "oom").touch()
    os.utime(tmp_path / "c1/userdata/oom", ns=(5, 7_000_000_000))
    _bundle(tmp_path, "c2")

    found = list(find(str(tmp_path), ["c1", "c2", "c3"]))

    assert found == [OomSeen("crio", "c1", "", 7_000_000_000)]


def test_no_link_is_followed_and_no_id_leads_out(tmp_path: Path) -> None:
    outside = _bundle(tmp_path / "outside", "x")
    (outside / "oom").touch()
    bundles = tmp_path / "bundles"
    (bundles / "c2").mkdir(parents=True)
    (bundles / "c1").symlink_to(tmp_path / "outside/x")
    (bundles / "c2/userdata").symlink_to(outside)
    (_bundle(bundles, "c3") / "oom").symlink_to(outside / "oom")
    (_bundle(bundles, "c4") / "oom").mkdir()

    ids = ["c1", "c2", "c3", "c4", "../outside/x", "", "a\0b"]

    assert list(find(str(bundles), ids)) == []


def test_the_folder_may_come_later(tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    assert not is_there(str(folder))
    folder.mkdir()

    assert is_there(str(folder))


class Watched:
    """A watch that runs on a clock that stands still, and what it told."""

    def __init__(self, clock: FakeClock, folder: Path) -> None:
        self.clock = clock
        self.folder = folder
        self.ids = ["c1", "c2"]
        self.told: list[OomSeen] = []
        self.looks = 0
        self.watch = CrioWatch(str(folder), clock=clock, wanted=self._wanted, tell=self.told.append)

    def touch(self, container_id: str, at_ns: int) -> None:
        file = self.folder / container_id / "userdata" / "oom"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, ns=(at_ns, at_ns))

    async def looked(self, times: int) -> None:
        """Return when it has looked so often, and rests."""
        await soon(lambda: self.looks >= times and self.clock.pending)
        assert self.looks == times

    async def pass_time(self, seconds: float) -> None:
        await self.clock.run_for(seconds, step=LOOK_GAP_SECONDS)

    def folder_is_there(self) -> bool:
        return self.watch.is_there

    def _wanted(self) -> list[str]:
        self.looks += 1
        return self.ids


@pytest_asyncio.fixture
async def watched(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(clock, tmp_path)
    task = asyncio.create_task(made.watch.run())
    yield made
    task.cancel()
    await asyncio.wait([task])


async def test_each_file_is_told_once_and_again_when_it_is_touched(watched: Watched) -> None:
    await watched.looked(1)
    watched.touch("c1", 7)
    for times in (2, 3):
        await watched.pass_time(LOOK_SECONDS)
        await watched.looked(times)
    assert watched.told == [OomSeen("crio", "c1", "", 7)]

    watched.touch("c1", 9)
    watched.touch("c2", 9)
    watched.touch("c3", 9)
    await watched.pass_time(LOOK_SECONDS)
    await watched.looked(4)

    assert [(event.container_id, event.at_ns) for event in watched.told[1:]] == [
        ("c1", 9),
        ("c2", 9),
    ]


async def test_an_exit_has_it_look_soon_and_many_exits_no_more_often(watched: Watched) -> None:
    await watched.looked(1)
    watched.touch("c1", 7)
    for _ in range(100):
        watched.watch.look_soon()
    await watched.pass_time(LOOK_GAP_SECONDS)
    await watched.looked(2)

    assert len(watched.told) == 1
    await watched.pass_time(LOOK_SECONDS - LOOK_GAP_SECONDS)
    await watched.looked(2)


async def test_without_the_folder_nothing_is_told_until_it_comes(
    clock: FakeClock, tmp_path: Path
) -> None:
    made = Watched(clock, tmp_path / "later")
    task = asyncio.create_task(made.watch.run())
    await made.looked(1)
    assert not made.folder_is_there()

    made.touch("c1", 7)
    await made.pass_time(LOOK_SECONDS)
    await made.looked(2)

    assert made.folder_is_there()
    assert len(made.told) == 1
    task.cancel()
    await asyncio.wait([task])
