"""Fixtures of the configuration's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from fake_clock import FakeClock
from reload_stage import GOOD, Stage


@pytest_asyncio.fixture
async def stage(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[Stage]:
    del no_task_left
    (tmp_path / "c.yaml").write_text(GOOD)
    stage = Stage(tmp_path / "c.yaml", clock)
    stage.watch()
    yield stage
    stage.loader.open()
    await stage.reloader.aclose()
