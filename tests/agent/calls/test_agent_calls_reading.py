"""A copy that is cancelled while its file is opened or read: nothing leaks, nothing blocks."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kata_exporter.agent import CopyError
from kata_exporter.agent.calls.reading import Reading
from kata_exporter.agent.calls.source import Piece, Source
from waiting import soon

Step = Callable[..., object]


class Slow:
    """A step of a source that takes until it is let go, in the thread that takes it."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, *arguments: object) -> object:
        done = self._step(*arguments)
        self.begun.set()
        assert self.go.wait(10)
        return done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def is_open(path: Path) -> bool:
    links = Path("/proc/self/fd").iterdir()
    return any(os.path.realpath(link) == str(path) for link in links)


async def test_pieces_come_in_order_and_nothing_stays_open(path: Path) -> None:
    reading = Reading(path)
    read = await reading.next_piece()
    assert read is not None
    assert (read[0].size_bytes, read[1]) == (7, Piece(0, b"content"))
    assert await reading.next_piece() is None
    reading.close()
    reading.close()

    assert not is_open(path)


@pytest.mark.parametrize("owner", [Source, os], ids=["read", "open"])
async def test_cancelled_in_a_thread_the_thread_closes_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, owner: object
) -> None:
    name = "next_piece" if owner is Source else "open"
    slow = Slow(getattr(owner, name))

    def step(*arguments: object) -> object:
        return slow(*arguments)  # a function, so that it is bound where it is a method

    monkeypatch.setattr(owner, name, step)
    reading = Reading(path)
    read = asyncio.create_task(reading.next_piece())
    await soon(slow.begun.is_set)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    reading.close()  # returns although the thread still holds the file
    assert is_open(path)

    slow.go.set()
    await soon(lambda: not is_open(path))


async def test_closed_between_reads_the_file_is_closed_at_once(path: Path) -> None:
    reading = Reading(path)
    await reading.next_piece()
    reading.close()

    assert not is_open(path)


async def test_what_is_not_there_has_nothing_to_close(tmp_path: Path) -> None:
    reading = Reading(tmp_path / "none")
    with pytest.raises(CopyError):
        await reading.next_piece()
    reading.close()
