"""Fixtures of the commands' tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose path is short enough for a fleet below it: gRPC takes 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="kata-test-") as folder:
        yield Path(folder)
