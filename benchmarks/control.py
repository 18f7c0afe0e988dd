"""How the benchmark speaks with its helper processes: a JSON command a line, a JSON answer a line.

A helper ends when its standard input does, so none outlives who started it.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 1 << 20
END_SECONDS = 10.0
"""How long a process may take to end before it is killed."""

ROOT = Path(__file__).resolve().parent.parent

ALONE = {
    "KATA_EXPORTER_DISCOVERY_DIRECTORY": "none",
    "KATA_EXPORTER_CRI_ENDPOINT": "none",
    "KATA_EXPORTER_CONTAINERD_ENDPOINT": "none",
}
"""Environment of an exporter: sandboxes of the machine that it measures on are no part of the fleet."""

Answer = dict[str, Any]
Command = Callable[..., Awaitable[Answer]]


class HelperError(Exception):
    """A process of the benchmark failed, or didn't answer in time."""


class Helper:
    """A running helper process."""

    def __init__(self, name: str, process: Process) -> None:
        self._name = name
        self._process = process

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    async def ask(self, command: str, *, within: float, **arguments: object) -> Answer:
        """Send a command and return its answer.

        Args:
            command: its name.
            within: seconds it may take.
            arguments: what it takes.

        Raises:
            HelperError: the helper ended, failed, or took too long.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise HelperError(f"{self._name} was started without pipes")
        stdin.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
        try:
            async with asyncio.timeout(within):
                await stdin.drain()
                line = await stdout.readline()
        except TimeoutError:
            raise HelperError(f"{self._name}: no answer to {command} in {within:g} s") from None
        except ConnectionError:
            line = b""
        if not line:
            raise HelperError(f"{self._name} ended while it was asked to {command}; see above")
        answer: Answer = json.loads(line)
        return answer


@asynccontextmanager
async def helper(module: str, *, tree: Path = ROOT) -> AsyncIterator[Helper]:
    """Run a module of this package that calls `answer_commands`, until this ends.

    Args:
        module: its name.
        tree: where ``benchmarks`` and ``kata_exporter`` are imported from.
    """
    argv = [sys.executable, "-P", "-m", module]
    # A session of its own: Ctrl-C is for who started it, who then closes its input.
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=PIPE,
        stdout=PIPE,
        env=environment(tree),
        limit=MAX_LINE_BYTES,
        start_new_session=True,
    )
    try:
        yield Helper(module, process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await end(process)


async def end(process: Process) -> None:
    """Return when a process has ended: by itself or by SIGTERM, and killed if that takes long."""
    if process.stdin is None and process.returncode is None:
        with suppress(ProcessLookupError):  # it has just ended
            process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def environment(tree: Path) -> dict[str, str]:
    """Return the environment of a process of the benchmark.

    Modules come from `tree`. What would set up the exporter (``KATA_EXPORTER_*``) or its tracing
    (``OTEL_*``) is left out, and no directory of this machine is looked at.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KATA_EXPORTER_", "OTEL_", "PYTHON"))
    }
    return {**kept, **ALONE, "PYTHONPATH": str(tree)}


async def answer_commands(commands: Mapping[str, Command]) -> None:
    """Answer the commands that come on standard input, one after the other, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            asked = json.loads(line)
            answer = await commands[asked.pop("command")](**asked)
            print(json.dumps(answer), flush=True)
    finally:
        transport.close()


async def run(argv: Sequence[str], *, within: float) -> str:
    """Run a program to its end, and return what it printed.

    Raises:
        HelperError: it isn't there, failed, or took too long.
    """
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise HelperError(f"{argv[0]} can't be run: {error.strerror}") from error
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except TimeoutError:
        raise HelperError(f"{argv[0]} took longer than {within:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise HelperError(f"{argv[0]} failed: {err.decode(errors='replace').strip()}")
    return out.decode()
