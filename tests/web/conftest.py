"""A server with both listeners."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from api_site import ApiSite
from fake_clock import FakeClock


@pytest_asyncio.fixture
async def api(clock: FakeClock, tmp_path: Path) -> AsyncIterator[ApiSite]:
    site = ApiSite(clock, tmp_path)
    await site.start()
    yield site
    await site.aclose()
