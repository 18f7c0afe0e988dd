"""When the configuration is loaded anew, and what comes of it."""

import asyncio
import logging
import shutil
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.config.reload import FAULT, LOOK_SECONDS, NOTHING
from kata_exporter.errors import ConfigError
from reload_stage import BAD, BETTER, GOOD, GatedLoader, Stage, logged
from waiting import soon


async def test_a_file_that_stays_as_it_was_is_never_loaded_again(stage: Stage) -> None:
    stage.path.write_text(GOOD)
    stage.path.touch()

    await stage.look(5)

    assert (stage.loader.loads, stage.results) == (0, [])


async def test_a_change_is_taken_once_when_two_looks_in_a_row_saw_it(stage: Stage) -> None:
    stage.path.write_text(BETTER)
    await stage.look()
    assert stage.applied == []

    await stage.look()
    assert stage.levels == ["error"]

    await stage.look(3)
    assert stage.levels == ["error"]
    assert stage.results == [True]


async def test_a_file_that_is_written_in_two_halves_is_taken_whole(stage: Stage) -> None:
    """The first half is sound by itself, so that nothing but patience tells."""
    stage.path.write_text(BETTER)
    await stage.look()
    stage.path.write_text(BETTER + "collection: {interval: 7s}\n")
    await stage.look()
    assert stage.applied == []

    await stage.look()

    assert [settings.collection.interval_seconds for settings in stage.applied] == [7.0]


async def test_a_change_that_is_taken_back_at_once_is_none(stage: Stage) -> None:
    stage.path.write_text(BETTER)
    await stage.look()
    stage.path.write_text(GOOD)

    await stage.look(3)

    assert stage.loader.loads == 0


async def test_a_bad_file_is_tried_once_and_a_good_one_after_it_is_taken(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.path.write_text(BAD)
    await stage.look(5)
    assert (stage.applied, stage.results, stage.loader.loads) == ([], [False], 1)
    (line,) = logged(caplog, logging.ERROR)
    assert line.startswith(f"{stage.path}:1: typo: unknown key")

    stage.path.write_text(GOOD)
    await stage.look(2)

    assert stage.levels == ["warn"]
    assert stage.results == [False, True]


async def test_the_same_error_is_logged_once_and_another_one_by_itself(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.path.write_text(BAD)
    await stage.look(2)
    stage.path.write_text(BAD + "# still\n")
    await stage.look(2)
    stage.path.write_text(BAD + "log: {level: loud}\n")
    await stage.look(2)

    first, second = logged(caplog, logging.ERROR)

    assert first.startswith(f"{stage.path}:1: ")
    assert second.startswith(f"{stage.path}:2: ")
    assert logged(caplog, logging.WARNING) == ["configuration still not reloaded"]


async def test_an_error_that_comes_back_after_it_was_mended_is_logged_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    for text in (BAD, GOOD, BAD):
        stage.path.write_text(text)
        await stage.look(2)

    assert len(logged(caplog, logging.ERROR)) == 2


async def test_a_file_that_is_deleted_keeps_what_holds_and_its_return_is_taken(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.path.unlink()
    await stage.look(3)
    assert (stage.applied, stage.results) == ([], [False])
    assert "No such file" in logged(caplog, logging.ERROR)[0]

    stage.path.write_text(GOOD)
    await stage.look(2)

    assert stage.results == [False, True]


async def test_a_configmap_is_turned_over_as_kubelet_does_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    """A new folder, and one rename of a link; what was named stays as it was, times included.

    The folder of sandboxes is such a volume itself, and the file is a link into another.
    """
    main, folder = tmp_path / "volume", tmp_path / "sandboxes.d"

    def turn(volume: Path, version: str, name: str, text: str) -> None:
        data = volume / f"..2026_01_01_{version}"
        data.mkdir(parents=True)
        (data / name).write_text(text)
        before = (volume / "..data").readlink() if (volume / "..data").exists() else None
        (volume / "..data_tmp").symlink_to(data.name)
        (volume / "..data_tmp").rename(volume / "..data")
        if before is None:
            (volume / name).symlink_to(f"..data/{name}")
        else:
            shutil.rmtree(volume / before)

    box = "sandboxes: [{{id: {}, agent_url: 'unix:///a'}}]"
    turn(main, "00.1", "c.yaml", GOOD)
    turn(folder, "00.1", "more.yaml", box.format("box-a"))
    (tmp_path / "c.yaml").symlink_to(main / "c.yaml")
    stage = Stage(tmp_path / "c.yaml", clock)
    stage.watch()

    turn(main, "01.2", "c.yaml", BETTER)
    await stage.look(4)
    turn(folder, "01.2", "more.yaml", box.format("box-b"))
    await stage.look(4)

    assert stage.levels == ["error", "error"]
    ids = [[sandbox.id for sandbox in settings.sandboxes] for settings in stage.applied]
    assert ids == [["box-a"], ["box-b"]]
    await stage.reloader.aclose()


async def test_a_fault_of_ours_is_told_and_the_watcher_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.loader.bug = RuntimeError("a bug")
    stage.path.write_text(BETTER)
    with pytest.raises(ConfigError, match=FAULT):
        await stage.reloader.reload()
    assert "a bug" in caplog.text

    stage.loader.bug = None
    stage.path.write_text(GOOD + "# again\n")
    await stage.look(2)

    assert (stage.levels, stage.results) == (["warn"], [False, True])


async def test_a_fault_of_a_look_is_logged_once_and_over_when_a_look_succeeds(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Though the files stay as they were: what holds is what they say, and so says the metric."""
    stage.loader.look_bug = RuntimeError("can't start new thread")
    await stage.look(3)
    assert stage.results == [False, False, False]
    assert len(logged(caplog, logging.ERROR)) == 1

    stage.loader.look_bug = None
    await stage.look(3)

    assert (stage.levels, stage.results[3:]) == (["warn"], [True])


async def test_warnings_are_logged_when_they_come_and_not_again(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("sandboxes_directory: missing\n")
    stage = Stage(path, clock)
    stage.watch()
    await stage.reloader.reload()
    path.write_text("sandboxes_directory: missing\nsandboxes: [{id: box-a, agent_url: x}]\n")
    await stage.reloader.reload()

    warnings = [r.__dict__["fields"]["warning"] for r in caplog.records if r.levelname == "WARNING"]

    assert len(warnings) == 2
    assert "missing: isn't there" in warnings[0]
    assert warnings[1].startswith(f"{path}:2: box-a will show as rejected")
    await stage.reloader.aclose()


async def test_without_files_there_is_nothing_to_reload_and_nothing_is_watched(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, clock, GatedLoader(None))
    stage.watch()

    stage.reloader.request()

    assert logged(caplog, logging.WARNING) == [NOTHING]
    assert await stage.reloader.reload() == NOTHING
    assert (clock.pending, stage.loader.looks) == (0, 0)
    await stage.reloader.aclose()


async def test_who_asks_before_the_start_or_after_the_end_is_told_and_it_does_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "c.yaml").write_text(GOOD)
    stage = Stage(tmp_path / "c.yaml", clock)

    async def ask() -> None:
        stage.reloader.request()
        with pytest.raises(ConfigError, match="starting or ending"):
            await stage.reloader.reload()

    await ask()
    stage.watch()
    await stage.reloader.aclose()
    await ask()
    await settle()

    assert (stage.loader.looks, stage.applied, stage.results) == (0, [], [])


async def test_a_change_that_somebody_asked_for_before_the_start_is_taken_after_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    """A server answers as soon as it listens, and that is before there is anything to apply it."""
    (tmp_path / "c.yaml").write_text(GOOD)
    stage = Stage(tmp_path / "c.yaml", clock)
    stage.path.write_text(BETTER)
    with pytest.raises(ConfigError):
        await stage.reloader.reload()

    stage.watch()
    await stage.look(2)

    assert stage.levels == ["error"]
    await stage.reloader.aclose()


@pytest.mark.parametrize("phase", ["waits", "looks", "loads", "waits for its turn"])
async def test_it_ends_in_whatever_it_is_at_and_nothing_comes_of_that(
    phase: str, tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "c.yaml").write_text(GOOD)
    stage = Stage(tmp_path / "c.yaml", clock)
    loader = stage.loader
    stage.watch()
    await settle()
    stage.path.write_text(BETTER)
    if phase == "looks":
        loader.look_gate.clear()
        clock.advance(LOOK_SECONDS)
        await soon(lambda: loader.looks == 1)
    elif phase == "loads":
        loader.load_gate.clear()
        await stage.look()
        clock.advance(LOOK_SECONDS)
        await soon(lambda: loader.loads == 1)
    elif phase == "waits for its turn":
        loader.look_gate.clear()
        stage.reloader.request()
        await soon(lambda: loader.looks == 1)
        stage.reloader.request()
        clock.advance(LOOK_SECONDS)
        await settle()

    await asyncio.wait_for(stage.reloader.aclose(), 1.0)
    loader.open()
    await asyncio.get_running_loop().shutdown_default_executor()

    assert (stage.applied, stage.results, clock.pending) == ([], [], 0)
