"""Peers that share no code with ours: servers and clients in Go and in Rust."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.ttrpc import Client
from peer_binary import Language, NotBuiltError, find
from server_peer import ServerPeer, server_peer


def _binary(language: Language) -> Path:
    try:
        return find(language)
    except NotBuiltError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def rust_server(tmp_path: Path) -> Iterator[ServerPeer]:
    """A server on the crate that the real agent is built with."""
    with server_peer(Language.RUST, _binary(Language.RUST), tmp_path) as made:
        yield made


@pytest.fixture
def go_server(tmp_path: Path) -> Iterator[ServerPeer]:
    """A server on containerd's ttrpc."""
    with server_peer(Language.GO, _binary(Language.GO), tmp_path) as made:
        yield made


@pytest.fixture(params=list(Language))
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerPeer]:
    """Each of the two in turn."""
    with server_peer(request.param, _binary(request.param), tmp_path) as made:
        yield made


@pytest.fixture(params=list(Language))
def client_binary(request: pytest.FixtureRequest) -> Path:
    """The client peers in turn, as binaries for `client_peer`."""
    return _binary(request.param)


@pytest_asyncio.fixture
async def client(peer: ServerPeer, clock: FakeClock) -> AsyncIterator[Client]:
    """Our client of `peer`. Its clock stands still: what ends a call is the peer."""
    made = Client(peer.dial, clock=clock)
    yield made
    await made.aclose()
