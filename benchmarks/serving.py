"""The exporter under test: ``kata-exporter serve`` as a process of its own."""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control import HelperError, end, environment

READY_SECONDS = 90.0
_POLL_SECONDS = 0.05
_SERVING = "serving metrics"


@dataclass(frozen=True, slots=True)
class Serving:
    """A running exporter."""

    pid: int
    port: int


@asynccontextmanager
async def serving(tree: Path, config: Path, log: Path) -> AsyncIterator[Serving]:
    """Run the exporter of a tree until this ends; it has then been asked for its first round.

    Args:
        tree: where ``kata_exporter`` is imported from.
        config: its configuration.
        log: takes its log.

    Raises:
        HelperError: it ended, or isn't ready in time.
    """
    argv = ["serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0"]
    with log.open("wb") as stderr:
        # In our session: Ctrl-C, however often, ends it as well.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "kata_exporter", *argv, "--log.format", "json"),
            stderr=stderr,
            env=environment(tree),
        )
    try:
        try:
            async with asyncio.timeout(READY_SECONDS):
                port = await _port(process, log)
                await _ready(process, port, log)
        except TimeoutError:
            raise HelperError(f"the exporter isn't ready in {READY_SECONDS:g} s") from None
        yield Serving(process.pid, port)
    finally:
        await end(process)


async def _port(process: Process, log: Path) -> int:
    """Return the port that the kernel chose, as the log tells it."""
    while (port := _said_port(log)) is None:
        _raise_if_ended(process, log)
        await asyncio.sleep(_POLL_SECONDS)
    return port


def _said_port(log: Path) -> int | None:
    # What follows the last end of line is a line that isn't whole yet.
    for line in log.read_text().split("\n")[:-1]:
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("msg") == _SERVING:
            return int(said["addresses"].rpartition(":")[2])
    return None


async def _ready(process: Process, port: int, log: Path) -> None:
    while not await asyncio.to_thread(_is_ready, port):
        _raise_if_ended(process, log)
        await asyncio.sleep(_POLL_SECONDS)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=10):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False  # 503: the first round is under way


def _raise_if_ended(process: Process, log: Path) -> None:
    if process.returncode is not None:
        said = log.read_text().strip() or "no word"
        raise HelperError(f"the exporter ended with {process.returncode}: {said}")
