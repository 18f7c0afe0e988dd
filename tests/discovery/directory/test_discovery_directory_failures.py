"""What can't be looked at costs nothing that was known, and is made good."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fake_clock import FakeClock
from shim_directory import make_shim, noticed, remove_shim, take_all, warnings_of, watching


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Leave the process without a free descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, highest + 8), hard))
    try:
        take_all(lambda: taken.append(os.open("/", os.O_PATH)))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_shortage_of_descriptors_costs_no_sandbox_and_is_over_within_a_second(
    kata: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:
        make_shim(kata, "box-2")
        with no_descriptors():
            await noticed(clock)
            await clock.run_for(20, step=0.5)
            assert rig.ids == ["box-1"]
        assert warnings_of(caplog) == ["can't look for sandboxes"]

        await clock.run_for(0.6)

        assert rig.ids == ["box-1", "box-2"]


async def test_a_folder_without_a_descriptor_for_it_is_looked_at_again_within_a_second(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    os_open = os.open

    def scarce(path: str, flags: int, **rest: int) -> int:
        if path == "box-1":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return os_open(path, flags, **rest)

    async with watching(clock, kata) as rig:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", scarce)
            make_shim(kata, "box-1")
            make_shim(kata, "box-2")
            await noticed(clock)
            assert rig.ids == ["box-2"]

        await clock.run_for(0.6)

        assert rig.ids == ["box-1", "box-2"]


async def test_a_start_without_descriptors_is_made_good_within_a_second(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    with no_descriptors():
        rig_made = watching(clock, kata)
        rig = await rig_made.__aenter__()
        await clock.run_for(5, step=0.5)
        assert rig.ids == []
    try:
        await clock.run_for(0.6)

        assert rig.ids == ["box-1"]
        assert rig.metrics.inotify == {str(kata): True}
    finally:
        await rig_made.__aexit__(None, None, None)


async def test_one_descriptor_is_too_few_and_is_not_lost(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library would keep the one that it got.
    opened: list[int] = []
    os_open = os.open

    def scarce(path: str | bytes, flags: int, **rest: int) -> int:
        if path == "/":
            if opened:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            opened.append(os_open(path, flags, **rest))
            return opened[0]
        return os_open(path, flags, **rest)

    monkeypatch.setattr(os, "open", scarce)
    async with watching(clock, kata) as rig:
        assert rig.metrics.inotify == {str(kata): False}


async def test_a_folder_that_can_not_be_looked_into_is_logged_once_a_minute_and_stays(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    make_shim(kata, "box-2")
    async with watching(clock, kata) as rig:
        stat = os.stat
        looks = 0

        def deny(path: str, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> object:
            nonlocal looks
            if path == "shim-monitor.sock":
                looks += 1
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", deny)
            await clock.run_for(121, step=0.5)
        assert looks == 4, "two folders, each once a minute"
        assert rig.ids == ["box-1", "box-2"]
        assert 1 <= len(warnings_of(caplog)) <= 3

        remove_shim(kata, "box-2")
        await noticed(clock)

        assert rig.ids == ["box-1"]


async def test_a_directory_that_can_not_be_listed_keeps_what_was_known(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    async with watching(clock, kata) as rig:

        def deny(_path: object) -> list[str]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        with monkeypatch.context() as patch:
            patch.setattr(os, "listdir", deny)
            await clock.run_for(62, step=0.5)
        assert rig.ids == ["box-1"]
        assert warnings_of(caplog) == ["can't look for sandboxes"]

        remove_shim(kata, "box-1")
        await clock.run_for(0.6)

        assert rig.ids == []


async def test_a_directory_that_can_not_be_opened_is_one_that_is_there(
    kata: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    os_open = os.open

    def deny(path: str, flags: int, **rest: int) -> int:
        if path == str(kata):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return os_open(path, flags, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", deny)
        async with watching(clock, kata) as rig:
            await clock.run_for(50, step=0.5)
            assert rig.metrics.present == {str(kata): True}
            assert rig.source.any_present
            assert rig.metrics.inotify == {str(kata): False}
            assert warnings_of(caplog) == ["can't look for sandboxes"]

            patch.undo()
            await clock.run_for(0.6)

            assert rig.ids == ["box-1"]
            assert rig.metrics.inotify == {str(kata): True}


async def test_a_fault_of_ours_about_one_sandbox_silences_no_other(
    kata: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(clock, kata) as rig:
        rig.faulty.add("box-1")
        for n in range(3):
            make_shim(kata, f"box-{n}")
        await noticed(clock)

        assert rig.urls.keys() == {"box-0", "box-2"}
        assert all(rig.urls.values())
        assert "telling of a sandbox failed" in caplog.text
