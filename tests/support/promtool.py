"""promtool, Prometheus' own checker, from Debian's package prometheus."""

import os
import shutil
import subprocess

import pytest

from page_parsers import assert_parsers_agree


def tool(name: str) -> str:
    """Return the path of a real part; skip the test where it can't be had, saying so."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI") != "true":
        pytest.skip(f"{name} is not on PATH; it comes with Debian's package prometheus")
    assert path is not None, f"{name} must be on PATH here"
    return path


def check_metrics(page: bytes) -> str:
    """Return what ``promtool check metrics`` finds in a page: nothing, if it is as it should be.

    That both parsers read the page, and read it alike, is asserted on the way.
    """
    assert_parsers_agree(page)
    return findings(page)


def findings(page: bytes) -> str:
    """Return what promtool finds, and leave no trace of the page in this process."""
    run = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=page, capture_output=True, check=False
    )
    found = (run.stdout + run.stderr).decode()
    assert (run.returncode == 0) == (not found), found
    return found
