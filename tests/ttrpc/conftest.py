"""A scripted peer and a client that is dialled to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.ttrpc import Client
from raw_peer import RawPeer


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with RawPeer() as made:
        yield made


@pytest.fixture
def told() -> list[str]:
    """What the client told of late answers and broken rules."""
    return []


@pytest_asyncio.fixture
async def client(peer: RawPeer, clock: FakeClock, told: list[str]) -> AsyncIterator[Client]:
    made = Client(peer.dial, clock=clock, on_event=told.append)
    yield made
    await made.aclose()
    assert clock.pending == 0, "a timer was left armed"
