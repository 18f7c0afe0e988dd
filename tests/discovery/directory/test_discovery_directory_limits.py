"""Overflows, watches that are lost, limits that are reached: never deaf, never blind."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncinotify
import pytest
from asyncinotify import Event, Mask

from fake_clock import FakeClock, settle
from kata_exporter.clock import SystemClock
from kata_exporter.discovery.directory import ResyncCause, watches
from kata_exporter.discovery.directory.watched import GATHER_SECONDS
from shim_directory import (
    SELECTOR_TURNS,
    Watching,
    make_shim,
    noticed,
    remove_shim,
    take_all,
    warnings_of,
    watching,
)
from waiting import soon

_MAX_QUEUED = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


def the_watches(rig: Watching) -> watches.Watches:
    (watched,) = rig.source._watched
    assert watched._watches is not None
    return watched._watches


async def hears(rig: Watching, kata: Path, clock: FakeClock) -> bool:
    """Whether the kernel's events still come through."""
    make_shim(kata, "box-heard")
    await noticed(clock)
    return "box-heard" in rig.ids


async def test_an_overflow_is_survived(kata: Path, clock: FakeClock) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        # What was dropped: neither change is told of by any event.
        the_watches(rig)._stop_reading()
        remove_shim(kata, "box-1")
        make_shim(kata, "box-2")

        the_watches(rig)._take(Event(None, Mask.Q_OVERFLOW, 0, None))
        await noticed(clock)

        assert rig.ids == ["box-2"]
        assert rig.metrics.resyncs == {ResyncCause.OVERFLOW: 1}
        assert await hears(rig, kata, clock)


def rename_to_and_fro(directory: Path, times: int) -> None:
    """Make two events each time."""
    names = [directory / "note-a", directory / "note-b"]
    names[0].touch()
    for _ in range(times):
        names[0].rename(names[1])
        names.reverse()


async def overflow(rig: Watching, kata: Path, limit: int) -> None:
    """Make more events than the kernel's queue holds, and have the last changes be among the lost."""
    rename_to_and_fro(kata, limit // 2 + 8)
    remove_shim(kata, "box-1")
    make_shim(kata, "box-2")
    await soon(lambda: rig.ids == ["box-2"], within=5.0)

    assert rig.metrics.resyncs[ResyncCause.OVERFLOW] == 1
    make_shim(kata, "box-3")
    await soon(lambda: rig.ids == ["box-2", "box-3"], within=1.0)
    remove_shim(kata, "box-2")
    await soon(lambda: rig.ids == ["box-3"], within=1.0)


async def test_a_real_overflow_is_survived(kata: Path) -> None:
    limit = int(_MAX_QUEUED.read_text())
    if limit > 100_000:
        pytest.skip(f"{limit} events would take too long")
    make_shim(kata, "box-1")
    async with watching(SystemClock(), kata) as rig:
        await overflow(rig, kata, limit)


async def test_a_real_overflow_of_a_short_queue_is_survived(kata: Path) -> None:
    make_shim(kata, "box-1")
    with short_queue(16):
        async with watching(SystemClock(), kata) as rig:
            await overflow(rig, kata, 16)


@contextmanager
def short_queue(events: int) -> Iterator[None]:
    """Have new inotify objects hold few events, where that can be set."""
    before = _MAX_QUEUED.read_text()
    try:
        _MAX_QUEUED.write_text(str(events))
    except OSError as error:
        pytest.skip(f"max_queued_events can't be set: {error.strerror}")
    try:
        yield
    finally:
        _MAX_QUEUED.write_text(before)


async def test_a_watch_that_is_removed_is_made_again(kata: Path, clock: FakeClock) -> None:
    async with watching(clock, kata) as rig:
        found = the_watches(rig)
        found._inotify.rm_watch(found._directory)
        await noticed(clock)

        assert rig.metrics.resyncs == {ResyncCause.WATCH_LOST: 1}
        assert await hears(rig, kata, clock)


async def test_the_watch_of_a_folder_that_is_removed_is_made_again(
    kata: Path, clock: FakeClock
) -> None:
    socket = make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        found = the_watches(rig)
        found._inotify.rm_watch(found._folders["box-1"].watch)
        await noticed(clock)

        socket.unlink()
        await noticed(clock)

        assert rig.ids == []


async def test_a_folder_that_is_moved_elsewhere_is_watched_no_longer(
    tmp_path: Path, kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        (kata / "box-1").rename(tmp_path / "elsewhere")
        await noticed(clock)
        await settle(SELECTOR_TURNS)  # the kernel says that the watch is no more

        found = the_watches(rig)
        assert found._inotify.watches == [found._directory]


async def test_an_inotify_that_can_not_be_read_is_replaced(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(clock, kata) as rig:

        def fail(_self: asyncinotify.Inotify) -> None:
            raise OSError(errno.EIO, "injected")

        with monkeypatch.context() as patch:
            patch.setattr(asyncinotify.Inotify, "sync_get", fail)
            make_shim(kata, "box-1")
            await settle(SELECTOR_TURNS)
        clock.advance(GATHER_SECONDS)

        assert rig.ids == ["box-1"]
        assert await hears(rig, kata, clock)


@pytest.mark.parametrize(
    "number",
    [errno.EMFILE, errno.ENFILE, errno.ENOSYS, errno.EPERM, errno.ENOMEM],
    ids=errno.errorcode.get,
)
async def test_without_inotify_it_polls_until_the_minute_brings_it_back(
    number: int,
    kata: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(watches, "Inotify", fail)
        async with watching(clock, kata) as rig:
            assert rig.metrics.inotify == {str(kata): False}
            await seen_within_a_second(rig, kata, clock)
            await clock.run_for(120, step=0.5)
            assert warnings_of(caplog) == ["inotify is not to be had"]

            patch.undo()
            await clock.run_for(61, step=0.5)

            assert rig.metrics.inotify == {str(kata): True}
            assert await hears(rig, kata, clock)


async def seen_within_a_second(rig: Watching, kata: Path, clock: FakeClock) -> None:
    """Show that what comes and goes is seen by polling."""
    make_shim(kata, "box-1")
    await clock.run_for(0.6)
    assert rig.ids == ["box-1"]
    remove_shim(kata, "box-1")
    await clock.run_for(0.6)
    assert rig.ids == []


async def test_too_few_watches_for_all_folders_means_polling_until_there_are_more(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add_watch = asyncinotify.Inotify.add_watch
    left = 3

    def scarce(self: asyncinotify.Inotify, path: bytes, mask: Mask) -> asyncinotify.Watch:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left -= 1
        return add_watch(self, path, mask)

    for n in range(5):
        make_shim(kata, f"box-{n}")
    with monkeypatch.context() as patch:
        patch.setattr(asyncinotify.Inotify, "add_watch", scarce)
        async with watching(clock, kata) as rig:
            assert len(rig.ids) == 5
            assert rig.metrics.inotify == {str(kata): False}
            for n in range(5):
                remove_shim(kata, f"box-{n}")
            await seen_within_a_second(rig, kata, clock)
            assert warnings_of(caplog) == ["inotify is not to be had"]

            left = 100
            await clock.run_for(61, step=0.5)

            assert rig.metrics.inotify == {str(kata): True}
            assert await hears(rig, kata, clock)


async def test_a_sandbox_too_many_for_the_watches_means_polling(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(clock, kata) as rig:

        def none_left(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(asyncinotify.Inotify, "add_watch", none_left)
        (kata / "box-0").mkdir()
        await noticed(clock)

        assert rig.metrics.inotify == {str(kata): False}
        await seen_within_a_second(rig, kata, clock)


async def test_all_inotify_objects_in_use_means_polling(kata: Path, clock: FakeClock) -> None:
    taken: list[asyncinotify.Inotify] = []
    try:
        # Of `max_user_instances`, 128 as a rule; or of open files, which serves as well.
        take_all(lambda: taken.append(asyncinotify.Inotify()))
        async with watching(clock, kata) as rig:
            assert rig.metrics.inotify == {str(kata): False}
            await seen_within_a_second(rig, kata, clock)

            while taken:
                taken.pop().close()
            await clock.run_for(61, step=0.5)

            assert rig.metrics.inotify == {str(kata): True}
            assert await hears(rig, kata, clock)
    finally:
        for inotify in taken:
            inotify.close()


async def test_more_events_than_one_turn_takes_leave_turns_to_others(
    kata: Path, clock: FakeClock
) -> None:
    async with watching(clock, kata) as rig:
        rename_to_and_fro(kata, SELECTOR_TURNS * watches.EVENTS_PER_TURN)
        make_shim(kata, "box-last")
        (watched,) = rig.source._watched
        await settle(SELECTOR_TURNS)

        assert watched._changed
        assert "box-last" not in watched._changed
        await settle()
        await noticed(clock)

        assert rig.ids == ["box-last"]
