"""The program as a process of its own: started, or run to its end."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from struct import pack
from termios import TIOCSWINSZ
from threading import Thread

_END_SECONDS = 30.0
PROGRAM = (sys.executable, "-m", "kata_exporter")


@dataclass(frozen=True)
class Ended:
    """How it ended, and what it printed."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without variables that the program takes notice of."""
    ours = ("KATA_EXPORTER_", "OTEL_")
    aside = {"COLUMNS", "LINES", "NO_COLOR", "TERM"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours) and k not in aside}
    return {**kept, **more}


AS_ONE_WHO_OBEYS_MODES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""What makes a command of root one that may only what modes of files let root's user do."""


def run_program(
    *argv: str,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    program: Sequence[str] = PROGRAM,
) -> Ended:
    """Run ``kata-exporter`` with a command line, and wait for its end.

    `prefix` is the command that runs it, and `program` what stands in for it.
    """
    with started(*argv, env=env, program=(*prefix, *program)) as process:
        out, err = process.communicate(timeout=_END_SECONDS)
    return Ended(process.returncode, out, err)


@contextmanager
def started(
    *argv: str, env: Mapping[str, str] | None = None, program: Sequence[str] = PROGRAM
) -> "Iterator[subprocess.Popen[str]]":
    """Start ``kata-exporter``; whatever happens, it has ended when this ends."""
    with subprocess.Popen(
        [*program, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**(env or {})),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@dataclass
class Shown:
    """A program whose standard output is a terminal, and what it has written there."""

    process: "subprocess.Popen[bytes]"
    written: bytearray = field(default_factory=bytearray)


@contextmanager
def on_terminal(
    *argv: str, columns: int = 80, lines: int = 24, env: Mapping[str, str] | None = None
) -> Iterator[Shown]:
    """Start ``kata-exporter`` on a terminal of its own; it has ended when this ends."""
    ours, its = pty.openpty()
    try:
        ioctl(its, TIOCSWINSZ, pack("HHHH", lines, columns, 0, 0))
        process = subprocess.Popen(
            [*PROGRAM, *argv],
            stdout=its,
            env=environment(**(env or {})),
        )
    finally:
        os.close(its)
    shown = Shown(process)
    reader = Thread(target=_read_all, args=(ours, shown.written))
    reader.start()
    try:
        yield shown
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(ours)


def _read_all(terminal: int, into: bytearray) -> None:
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # what Linux says once nobody holds the other end
            return
        if not part:
            return
        into += part
