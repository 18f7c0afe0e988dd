"""A ledger is saved as it changes, and not too often; a disk that fails costs a line a minute."""

import asyncio
import logging
import os
import threading
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.oom.state_file import SAVE_INTERVAL_SECONDS, StateFile, dump, load
from oom_rig import LedgerRig, at_limit, sandbox


@pytest.fixture
def rig(clock: FakeClock) -> LedgerRig:
    made = LedgerRig(clock)
    made.start(sandbox("sb1", "web:c1"))
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oom.json"


@pytest.fixture
def state(rig: LedgerRig, path: Path) -> StateFile:
    return StateFile(path, rig.clock, rig.ledger)


def _saved_events(rig: LedgerRig, path: Path) -> str | None:
    again = LedgerRig(rig.clock)
    assert load(path, again.ledger, OOM_KILLS)
    return again.events("web")


def test_a_change_is_saved_once_the_interval_is_over(
    rig: LedgerRig, path: Path, state: StateFile
) -> None:
    rig.oom("c1")
    state.save_if_changed()
    assert _saved_events(rig, path) == "1"
    rig.oom("c1", at=rig.now_ns + 1)
    rig.clock.advance(SAVE_INTERVAL_SECONDS - 0.1)
    state.save_if_changed()
    assert _saved_events(rig, path) == "1"

    rig.clock.advance(0.1)
    state.save_if_changed()
    assert _saved_events(rig, path) == "2"


def test_what_has_not_changed_is_not_written_again(
    rig: LedgerRig, path: Path, state: StateFile
) -> None:
    state.save_if_changed()
    path.unlink()
    for kills in range(3):
        rig.clock.advance(SAVE_INTERVAL_SECONDS)
        rig.ledger.read(sandbox("sb1", "web:c1"), at_limit(kills=kills and 1))
        rig.ledger.seen_by("sb1", frozenset({"cri"}))
        state.save_if_changed()
    state.close()

    assert not path.exists()


def test_closing_saves_at_once_what_has_changed(
    rig: LedgerRig, path: Path, state: StateFile
) -> None:
    state.save_if_changed()
    rig.oom("c1")
    state.close()

    assert _saved_events(rig, path) == "1"


async def test_the_loop_goes_on_while_a_thread_writes(
    rig: LedgerRig, path: Path, state: StateFile
) -> None:
    rig.oom("c1")
    data = state.due()
    assert data == dump(rig.ledger)
    writing = asyncio.create_task(asyncio.to_thread(state.put, data))
    rig.oom("c1", at=rig.now_ns + 1)
    await writing

    assert path.read_bytes() == data
    rig.clock.advance(SAVE_INTERVAL_SECONDS)
    assert state.due() == dump(rig.ledger) != data


def test_closing_waits_for_a_write_that_nobody_waits_for_any_more(
    rig: LedgerRig,
    path: Path,
    state: StateFile,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    is_slow, may_go_on = threading.Event(), threading.Event()
    fsync = os.fsync

    def slow_once(descriptor: int) -> None:
        if not is_slow.is_set():
            is_slow.set()
            assert may_go_on.wait(30)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow_once)
    data = state.due()
    assert data is not None
    forgotten = threading.Thread(target=state.put, args=[data])
    forgotten.start()
    assert is_slow.wait(30)
    rig.oom("c1")
    closing = threading.Thread(target=state.close)
    closing.start()
    closing.join(0.2)  # long enough to overtake the other, if it could
    may_go_on.set()
    closing.join()
    forgotten.join()

    assert _saved_events(rig, path) == "1"
    assert not caplog.records


def test_a_disk_that_fails_is_told_of_once_a_minute_and_tried_again(
    rig: LedgerRig, path: Path, state: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = path.with_name(f".{path.name}.new")
    in_the_way.mkdir()
    rig.oom("c1")
    with caplog.at_level(logging.WARNING):
        for _ in range(24):
            state.save_if_changed()
            rig.clock.advance(SAVE_INTERVAL_SECONDS)

    line = f"{path} can't be written, so a restart would lose OOM counts: Is a directory"
    assert [record.getMessage() for record in caplog.records] == [line, line]
    assert caplog.records[1].fields == {"lines_passed_over": 11}  # type: ignore[attr-defined]
    in_the_way.rmdir()
    state.close()
    assert _saved_events(rig, path) == "1"


def test_what_failed_to_be_written_at_the_end_is_not_raised(
    path: Path, state: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.rmdir()
    with caplog.at_level(logging.WARNING):
        state.close()

    assert "No such file or directory" in caplog.text
