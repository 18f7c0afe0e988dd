"""The program as a process of its own, as long as it runs: what it prints and serves."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import urlopen

from run_program import started

END_SECONDS = 2.0
"""How long the program may take to end once it is told to."""


def program(tmp_path: Path, *argv: str) -> "AbstractContextManager[subprocess.Popen[str]]":
    """Start the program with a folder for what it makes; it has ended when the block ends."""
    return started(*argv, env={"TMPDIR": str(tmp_path)})


def first_match(lines: Iterator[str] | None, pattern: str) -> str:
    """Read lines up to one that matches; return its first group."""
    assert lines is not None
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(f"no line matches {pattern!r} in {seen}")


def get(url: str) -> str:
    """Return the body of a page."""
    with urlopen(url, timeout=10) as answer:  # noqa: S310  of our own making
        text: str = answer.read().decode()
        return text
