"""Comparison of agents' versions."""

import pytest

from kata_exporter.guest.version import older_than


@pytest.mark.parametrize(
    "version", ["2.4.3", "2.4.99", "1.12.0", "0.0.0", "2.4.9-rc1", "2.4.0+git"]
)
def test_release_before_is_older(version: str) -> None:
    assert older_than(version, (2, 5, 0))


@pytest.mark.parametrize("version", ["2.5.0", "2.5.0-alpha1", "2.10.0", "3.0.0", "4.1.0", "10.0.0"])
def test_release_itself_and_later_ones_are_not(version: str) -> None:
    assert not older_than(version, (2, 5, 0))


@pytest.mark.parametrize(
    "version", ["", "2", "2.4", "v2.4.0", "2.4.0.1", "9" * 5000, "\u0662.\u0664.\u0660", "\n"]
)
def test_version_that_cannot_be_read_counts_as_new(version: str) -> None:
    assert not older_than(version, (2, 5, 0))
