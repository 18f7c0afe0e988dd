"""What tests of the exporter on a node with a container runtime share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpc_client import grpc_let_go


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder whose path is short enough for gRPC's sockets; gRPC has let go when the test ends."""
    with grpc_let_go(), tempfile.TemporaryDirectory(prefix="kata-test-") as folder:
        yield Path(folder)
