"""Directories that come late, go, and are replaced."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.discovery.directory import ResyncCause
from shim_directory import make_shim, noticed, remove_shim, warnings_of, watching


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


async def test_a_directory_that_appears_late_is_seen_within_a_second(
    tmp_path: Path, clock: FakeClock
) -> None:
    late = tmp_path / "run" / "kata"
    async with watching(clock, late) as rig:
        assert rig.metrics.present == {str(late): False}
        await clock.run_for(300)
        make_shim(late, "box-1")

        await clock.run_for(0.6)

        assert rig.ids == ["box-1"]
        assert rig.metrics.present == {str(late): True}
        assert rig.metrics.inotify == {str(late): True}
        assert rig.metrics.resyncs == {ResyncCause.APPEARED: 1}


async def test_a_directory_that_is_removed_and_made_again_is_never_lost(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-0")
    async with watching(clock, kata) as rig:
        for n in range(1, 5):
            remove_shim(kata, f"box-{n - 1}")
            kata.rmdir()
            await noticed(clock)
            assert rig.ids == []
            assert rig.metrics.present == {str(kata): False}

            kata.mkdir()
            await clock.run_for(0.6)
            make_shim(kata, f"box-{n}")
            await noticed(clock)
            assert rig.ids == [f"box-{n}"]
        assert rig.metrics.resyncs == {ResyncCause.WATCH_LOST: 4, ResyncCause.APPEARED: 4}


async def test_a_directory_that_is_replaced_before_anyone_looks_is_watched_anew(
    tmp_path: Path, kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    make_shim(tmp_path / "new", "box-2")
    async with watching(clock, kata) as rig:
        kata.rename(tmp_path / "old")
        (tmp_path / "new").rename(kata)
        await noticed(clock)
        assert rig.ids == ["box-2"]

        make_shim(kata, "box-3")
        make_shim(tmp_path / "old", "box-4")
        await noticed(clock)

        assert rig.ids == ["box-2", "box-3"]


async def test_a_directory_above_that_is_replaced_is_noticed_within_a_second(
    tmp_path: Path, clock: FakeClock
) -> None:
    # No event says so: what is watched is neither moved nor removed itself.
    directory = tmp_path / "run" / "kata"
    make_shim(directory, "box-1")
    make_shim(tmp_path / "run2" / "kata", "box-2")
    async with watching(clock, directory) as rig:
        (tmp_path / "run").rename(tmp_path / "old")
        (tmp_path / "run2").rename(tmp_path / "run")

        await clock.run_for(0.6)

        assert rig.ids == ["box-2"]
        assert rig.metrics.resyncs == {ResyncCause.WATCH_LOST: 1}


async def test_an_event_of_the_old_directory_does_not_mix_it_with_the_new_one(
    tmp_path: Path, clock: FakeClock
) -> None:
    directory = tmp_path / "run" / "kata"
    make_shim(directory, "box-1")
    make_shim(tmp_path / "run2" / "kata", "box-2")
    async with watching(clock, directory) as rig:
        (tmp_path / "run").rename(tmp_path / "old")
        (tmp_path / "run2").rename(tmp_path / "run")
        make_shim(tmp_path / "old" / "kata", "box-2")
        await noticed(clock)
        assert rig.ids == ["box-1"]

        await clock.run_for(0.6)

        assert rig.ids == ["box-2"]


async def test_a_plain_file_in_the_place_of_the_directory_is_none(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "kata").touch()
    async with watching(clock, tmp_path / "kata") as rig:
        await clock.run_for(5)

        assert rig.metrics.present == {str(tmp_path / "kata"): False}
        assert rig.metrics.resyncs == {}


async def test_a_directory_that_is_named_twice_is_one(kata: Path, clock: FakeClock) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata, kata) as rig:
        assert len(rig.told) == 1


async def test_a_directory_that_was_removed_is_none_even_if_something_still_holds_it(
    kata: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    held = os.open(kata, os.O_PATH)
    # As in a container, whose mount holds what the node has removed: no event tells of it.
    mount = Path(f"/proc/self/fd/{held}")
    try:
        async with watching(clock, mount) as rig:
            assert rig.ids == ["box-1"]

            shutil.rmtree(kata)
            make_shim(kata, "box-2")
            await clock.run_for(0.6)

            assert rig.ids == []
            assert rig.metrics.present == {str(mount): False}
            assert not rig.source.any_present
            await clock.run_for(120, step=0.5)
            assert warnings_of(caplog) == ["a directory of sandboxes"]
            assert "mount the folder above" in caplog.text
    finally:
        os.close(held)


async def test_a_directory_that_comes_and_goes_all_the_time_fills_no_log(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    flapping = tmp_path / "kata"
    async with watching(clock, flapping) as rig:
        for _ in range(20):
            flapping.mkdir()
            await clock.run_for(0.6)
            flapping.rmdir()
            await clock.run_for(0.6)
        assert rig.metrics.resyncs[ResyncCause.APPEARED] == 20

    assert [record.getMessage() for record in caplog.records] == [
        "watching for sandboxes",
        "a directory of sandboxes has gone: looking for it twice a second",
    ]
