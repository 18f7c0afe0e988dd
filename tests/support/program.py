"""The program as a process of its own, with all its real parts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

END_SECONDS = 2.0
"""How long the program may take to end once it is told to."""


@contextmanager
def program(tmp_path: Path, *argv: str) -> "Iterator[subprocess.Popen[str]]":
    """Run the program; whatever happens, it has ended when this ends."""
    environ = {name: value for name, value in os.environ.items() if not _is_ours(name)}
    with subprocess.Popen(
        [sys.executable, "-m", "kata_exporter", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environ, "TMPDIR": str(tmp_path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _is_ours(name: str) -> bool:
    return name.startswith(("KATA_EXPORTER_", "OTEL_"))


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
