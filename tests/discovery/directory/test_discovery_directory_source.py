"""What the directory source tells, on real directories and a clock that a test moves."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.discovery.directory import ResyncCause, watches
from kata_exporter.discovery.directory.watched import WatchedDirectory
from kata_exporter.discovery.shim import SOCKET_NAME
from kata_exporter.model import Runtime, SandboxGone, SandboxSeen
from shim_directory import (
    SELECTOR_TURNS,
    FakeShims,
    make_shim,
    make_socket,
    noticed,
    remove_shim,
    watching,
)


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


@pytest.fixture
def sbs(tmp_path: Path) -> Path:
    directory = tmp_path / "sbs"
    directory.mkdir()
    return directory


async def test_what_is_there_is_told_before_watch_returns_and_without_an_address(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")

    async with watching(clock, kata) as rig:
        (seen,) = rig.told
        assert isinstance(seen, SandboxSeen)
        assert (seen.id, seen.agent_url, seen.refusal) == ("box-1", "", None)
        assert seen.source == f"directory:{kata}"


async def test_then_its_shim_is_asked_and_its_agent_told(kata: Path, clock: FakeClock) -> None:
    make_shim(kata, "box-1")

    async with watching(clock, kata) as rig:
        rig.shims.urls["box-1"] = "vsock://17:1024"
        await settle()

        seen = rig.seen("box-1")
        assert seen.agent_url == "vsock://17:1024"
        assert seen.announced is not None
        assert rig.shims.asked == ["box-1"], "once"
        assert rig.metrics.requests == {"ok": 1}


async def test_sandboxes_of_runtime_rs_are_found_beside_those_of_the_go_runtime(
    kata: Path, sbs: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-rust")
    make_shim(sbs, "box-go")

    async with watching(clock, sbs, kata) as rig:
        assert rig.seen("box-rust").runtime is Runtime.RUST
        assert rig.seen("box-go").runtime is Runtime.GO


async def test_a_sandbox_that_comes_later_is_told_and_one_that_goes_too(
    kata: Path, clock: FakeClock
) -> None:
    async with watching(clock, kata) as rig:
        make_shim(kata, "box-1")
        await noticed(clock)
        assert rig.ids == ["box-1"]

        remove_shim(kata, "box-1")
        await noticed(clock)

        assert rig.told[-1] == SandboxGone(f"directory:{kata}", "box-1")


async def test_what_comes_and_goes_can_be_followed_in_the_log(
    kata: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kata_exporter.discovery.directory")
    async with watching(clock, kata):
        make_shim(kata, "box-1")
        await noticed(clock)
        remove_shim(kata, "box-1")
        await noticed(clock)

    box = {"sandbox_id": "box-1", "directory": str(kata)}
    assert [(r.levelno, r.getMessage(), r.__dict__["fields"]) for r in caplog.records] == [
        (logging.DEBUG, "a sandbox was found", box),
        (
            logging.DEBUG,
            "a shim told its agent's address",
            {**box, "agent_url": "vsock://3:1024"},
        ),
        (logging.DEBUG, "a sandbox has gone", box),
    ]


async def test_a_folder_that_waits_for_its_socket_is_watched(kata: Path, clock: FakeClock) -> None:
    (kata / "box-1").mkdir()
    async with watching(clock, kata) as rig:
        assert rig.told == []

        make_socket(kata / "box-1" / SOCKET_NAME)
        await noticed(clock)

        assert rig.ids == ["box-1"]


async def test_a_sandbox_whose_socket_alone_is_removed_has_gone(
    kata: Path, clock: FakeClock
) -> None:
    socket = make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        socket.unlink()
        await noticed(clock)

        assert rig.ids == []


async def test_what_a_runtime_makes_in_the_folder_changes_nothing(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        await settle()
        told = len(rig.told)

        (kata / "box-1" / "root").mkdir()
        (kata / "box-1" / "persist.json").touch()
        await noticed(clock)

        assert len(rig.told) == told
        assert rig.shims.asked == ["box-1"]


async def test_a_shim_that_is_killed_and_replaced_is_another_birth_and_inherits_nothing(
    kata: Path, clock: FakeClock
) -> None:
    socket = make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        await settle()
        (before,) = rig.registry.sandboxes()
        rig.shims.hanging.add("box-1")

        socket.unlink()
        make_socket(socket)
        await noticed(clock)

        (after,) = rig.registry.sandboxes()
        assert after.generation > before.generation
        assert after.agent_url == ""
        rig.shims.free()
        await settle()
        assert rig.urls["box-1"] == before.agent_url
        assert rig.shims.asked == ["box-1", "box-1"]


async def test_an_answer_that_comes_after_its_birth_has_gone_is_dropped(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        rig.shims.hanging.add("box-1")
        await settle()
        remove_shim(kata, "box-1")
        await noticed(clock)
        told = len(rig.told)

        rig.shims.free()
        await settle()

        assert len(rig.told) == told
        assert rig.metrics.requests == {}


async def test_one_id_with_both_runtimes_is_one_sandbox_of_two_sources(
    kata: Path, sbs: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    make_shim(sbs, "box-1")
    async with watching(clock, sbs, kata) as rig:
        await settle()

        (sandbox,) = rig.registry.sandboxes()
        assert sandbox.sources == {f"directory:{kata}", f"directory:{sbs}"}
        assert (sandbox.refusal, sandbox.agent_url) == (None, "vsock://3:1024")

        remove_shim(kata, "box-1")
        await noticed(clock)

        (sandbox,) = rig.registry.sandboxes()
        assert sandbox.sources == {f"directory:{sbs}"}


@pytest.mark.parametrize("kind", ["a symlink", "a FIFO", "a plain file", "a folder"])
async def test_a_squatted_socket_is_shown_as_refused_and_never_asked(
    kind: str, kata: Path, clock: FakeClock
) -> None:
    path = kata / "box-1" / SOCKET_NAME
    path.parent.mkdir()
    make: dict[str, Callable[[], object]] = {
        "a symlink": lambda: path.symlink_to("/dev/log"),
        "a FIFO": lambda: os.mkfifo(path),
        "a plain file": path.touch,
        "a folder": path.mkdir,
    }
    make[kind]()

    async with watching(clock, kata) as rig:
        await settle()

        refusal = rig.seen("box-1").refusal
        assert refusal is not None
        assert (refusal.reason, kind in refusal.detail) == ("rejected", True)
        assert rig.shims.asked == []


async def test_a_squatted_folder_is_refused_until_it_is_one(
    tmp_path: Path, kata: Path, clock: FakeClock
) -> None:
    make_shim(tmp_path / "elsewhere", "box-1")
    (kata / "box-1").symlink_to(tmp_path / "elsewhere" / "box-1")
    async with watching(clock, kata) as rig:
        await settle()
        assert rig.reasons == {"box-1": "rejected"}

        (kata / "box-1").unlink()
        make_shim(kata, "box-1")
        await noticed(clock)

        assert rig.reasons == {}
        assert rig.shims.asked == ["box-1"]


async def test_names_that_are_no_ids_are_not_looked_at(kata: Path, clock: FakeClock) -> None:
    for name in (".hidden", "-x", "a b", "x" * 129, "bóx"):
        make_shim(kata, name)

    async with watching(clock, kata) as rig:
        make_shim(kata, "new line\n")
        await noticed(clock)

        assert rig.told == []


async def test_a_renamed_folder_is_one_that_goes_and_one_that_comes(
    kata: Path, clock: FakeClock
) -> None:
    # Several, since it's chance whether the old or the new name is looked at first.
    numbers = range(8)
    for n in numbers:
        make_shim(kata, f"old-{n}")
    async with watching(clock, kata) as rig:
        for n in numbers:
            (kata / f"old-{n}").rename(kata / f"new-{n}")
        await noticed(clock)
        assert rig.ids == [f"new-{n}" for n in numbers]

        for n in numbers:
            (kata / f"new-{n}" / SOCKET_NAME).unlink()
        await noticed(clock)

        assert rig.ids == [], "their folders are still watched under the new names"


async def test_a_folder_that_takes_the_place_of_another_is_watched(
    tmp_path: Path, kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        (kata / "box-1").rename(tmp_path / "aside")
        (kata / "box-1").mkdir()
        await noticed(clock)
        assert rig.ids == []

        make_socket(kata / "box-1" / SOCKET_NAME)
        await noticed(clock)

        assert rig.ids == ["box-1"]


async def test_the_minute_brings_a_look_at_all(kata: Path, clock: FakeClock) -> None:
    async with watching(clock, kata) as rig:
        await clock.run_for(59)
        assert rig.metrics.resyncs == {}

        await clock.run_for(121.5, step=0.5)

        assert rig.metrics.resyncs == {ResyncCause.PERIODIC: 3}


async def test_churn_costs_one_look_for_many_events(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[frozenset[str] | None] = []
    look_through = WatchedDirectory._look_through

    def note(self: WatchedDirectory, names: frozenset[str] | None = None) -> bool:
        looks.append(names)
        return look_through(self, names)

    monkeypatch.setattr(WatchedDirectory, "_look_through", note)
    async with watching(clock, kata) as rig:
        for n in range(50):
            make_shim(kata, f"box-{n}")
            remove_shim(kata, f"box-{n}")
        make_shim(kata, "box-last")
        await noticed(clock)

        assert rig.ids == ["box-last"]
        assert len(looks) == 1


async def test_no_directories_is_no_trouble(clock: FakeClock) -> None:
    async with watching(clock) as rig:
        await clock.run_for(61, step=0.5)

        assert rig.told == []
        assert not rig.source.any_present


@pytest.mark.parametrize("phase", ["asking", "pausing", "gathering", "polling", "absent"])
async def test_closed_in_any_phase_it_tells_nothing_more_and_leaves_nothing(
    phase: str, kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shim(kata, "box-1")
    directory = kata if phase != "absent" else kata / "nowhere"
    if phase == "polling":
        monkeypatch.setattr(watches, "Inotify", no_inotify)
    shims = FakeShims()
    if phase == "pausing":
        shims.fail("box-1")
    elif phase == "asking":
        shims.hanging.add("box-1")
    async with watching(clock, directory, shims=shims) as rig:
        await settle()
        if phase == "gathering":
            make_shim(kata, "box-2")
            await settle(SELECTOR_TURNS)
        told = len(rig.told)

        await rig.source.aclose()

        assert clock.pending == 0
        assert shims.at_once == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        make_shim(kata, "box-3")
        await clock.run_for(2)
        assert len(rig.told) == told
        assert rig.metrics.present == {}, "nobody looks, so nobody knows"


def no_inotify(**_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_closed_source_has_closed_its_descriptors(kata: Path, clock: FakeClock) -> None:
    make_shim(kata, "box-1")
    before = open_descriptors()
    async with watching(clock, kata) as rig:
        await settle()
        assert open_descriptors() == before + 2, "inotify's, and its selector's"

        await rig.source.aclose()

        assert open_descriptors() == before
