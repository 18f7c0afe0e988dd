"""Fixtures for all tests, and the checks that hold after each: no task and no descriptor is left."""

import asyncio
import gc
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent / "support"))

from fake_clock import FakeClock

DATA = Path(__file__).parent / "data"
_GRACE_SECONDS = 2.0
_FDS_BEFORE = pytest.StashKey[dict[int, str]]()


def pytest_configure() -> None:
    """Have SIGHUP do what it usually does: under nohup it is ignored, and so by all children."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def data() -> Path:
    """The folder of captured answers."""
    return DATA


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


def _open_fds() -> dict[int, str]:
    fds: dict[int, str] = {}
    for path in Path("/proc/self/fd").iterdir():
        try:
            fds[int(path.name)] = str(path.readlink())
        except OSError:
            continue  # the descriptor that listed the folder
    return fds


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Note which descriptors are open before a test and its fixtures."""
    item.stash[_FDS_BEFORE] = _open_fds()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that leaves a descriptor open, its fixtures and event loop being gone."""
    result = yield
    left = _left_open(item)
    if left:
        gc.collect()  # a cycle that holds a socket is found by its ResourceWarning
        left = _left_open(item)
    assert not left, f"descriptors left open: {left}"
    return result


def _left_open(item: pytest.Item) -> dict[int, str]:
    before = item.stash[_FDS_BEFORE]
    return {fd: what for fd, what in _open_fds().items() if before.get(fd) != what}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail what skips where CI=true: there, every part that a test needs has to be there."""
    del item
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every async test checked for tasks that it leaves."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames.append("no_task_left")


@pytest_asyncio.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail an async test that leaves a task running."""
    before = asyncio.all_tasks()
    yield
    own = asyncio.current_task()
    left = {task for task in asyncio.all_tasks() - before if not task.done() and task is not own}
    if left:
        # gRPC ends the tasks of its calls a little after its server has stopped.
        _, left = await asyncio.wait(left, timeout=_GRACE_SECONDS)
    assert not left, f"tasks left running: {left}"
