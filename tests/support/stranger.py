"""A process of another user that listens on a unix socket, and counts what it is told.

Only root can start one.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STRANGER_UID = 65_431

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can start a process of another user"
)


class Stranger:
    """The process; asked for its count, it ends."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def count(self) -> tuple[int, int]:
        """Return how many connections it has accepted, and how many bytes came over them."""
        connections, received = self._process.communicate(timeout=10)[0].split()
        return int(connections), int(received)


@contextmanager
def stranger(path: Path) -> Iterator[Stranger]:
    """Have a process of `STRANGER_UID` listen on `path`."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), str(STRANGER_UID)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[listener.fileno()],
        )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield Stranger(process)
        finally:
            process.kill()


def _listen(listener: socket.socket) -> tuple[int, int]:
    connections = received = 0
    listener.listen(128)
    print("listening", flush=True)  # noqa: T201  # how it is told
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if listener not in ready:
            return connections, received
        sock, _ = listener.accept()
        connections += 1
        with sock:
            while data := sock.recv(4096):
                received += len(data)


if __name__ == "__main__":
    # Who listens is who the kernel names as the peer; binding needed root's rights.
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        print(*_listen(inherited))  # noqa: T201
