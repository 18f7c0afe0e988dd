"""Real parts that several tests share."""

from collections.abc import Iterator

import pytest

from real_containerd import RealContainerd, running_containerd, why_not


@pytest.fixture(scope="module")
def containerd() -> Iterator[RealContainerd]:
    """A containerd that runs; a test ends its own pods."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    yield from running_containerd()
