"""Processes in containers."""

from typing import Protocol

from kata_exporter.agent.types import Command, Process, ProcessListOptions
from kata_exporter.model import Container


class ProcessMethods(Protocol):
    """Processes of a container; ``exec_id`` of the first one is the container's id.

    A process or container that the agent doesn't have gives reason ``gone`` where it answers
    NOT_FOUND or INVALID_ARGUMENT. Where it answers INTERNAL, as to `exec`, or UNAVAILABLE, as to
    `winsize_process`, it can't be told from a failure: ``agent_error``.
    """

    async def exec(
        self, container: Container, command: Command, *, deadline: float | None = None
    ) -> Process:
        """Start a process in a container (``ExecProcess``), under a new exec id.

        Raises:
            ArgumentError: ``user`` or a group is no decimal number of 32 bits, or there is no
                argument to run.
            AgentError: ``agent_error`` also where the agent doesn't have the container.
        """

    async def signal_process(
        self,
        container: Container,
        exec_id: str,
        signal: int,
        *,
        all_processes: bool = False,
        deadline: float | None = None,
    ) -> None:
        """Send a signal (``SignalProcess``).

        With `all_processes` it goes to the whole container, and `exec_id` isn't looked at.
        """

    async def winsize_process(
        self,
        container: Container,
        exec_id: str,
        height: int,
        width: int,
        *,
        deadline: float | None = None,
    ) -> None:
        """Tell a process the size of its terminal in characters (``TtyWinResize``)."""

    async def write_process_stdin(
        self, container: Container, exec_id: str, data: bytes, *, deadline: float | None = None
    ) -> int:
        """Write to a process (``WriteStdin``) and return how many bytes were taken."""

    async def close_process_stdin(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> None:
        """Close a process's standard input (``CloseStdin``)."""

    async def read_process_stdout(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        """Wait for output of a process and return at most `size_bytes` of it (``ReadStdout``).

        Empty is the stream's end; a policy that keeps output back looks the same.
        """

    async def read_process_stderr(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        """Wait for error output, as `read_process_stdout` (``ReadStderr``)."""

    async def wait_process(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> int:
        """Wait until a process has ended and return its exit code (``WaitProcess``).

        The agent forgets the process then: who waits at the same time is told as well, who asks
        later gets an error.
        """

    async def process_list_container(
        self,
        container: Container,
        options: ProcessListOptions,
        *,
        deadline: float | None = None,
    ) -> bytes:
        """Return a container's processes, as the guest's ps(1) lists them (``ListProcesses``).

        Agents from 2.1 on don't have it: reason ``unsupported``, and only their version was asked.
        """
