"""`ProcessMethods` of the client."""

import uuid
from datetime import UTC, datetime

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.arguments import (
    checked_data,
    checked_flag,
    checked_id,
    checked_number,
    checked_texts,
    checked_type,
    container_id,
)
from kata_exporter.agent.calls.command import process_of
from kata_exporter.agent.calls.observe import ObserveCalls
from kata_exporter.agent.errors import bad_answer, unsupported
from kata_exporter.agent.interface.process import ProcessMethods
from kata_exporter.agent.messages.oci import PROCESS
from kata_exporter.agent.methods import (
    CLOSE_STDIN,
    EXEC_PROCESS,
    LIST_PROCESSES,
    READ_STDERR,
    READ_STDOUT,
    SIGNAL_PROCESS,
    TTY_WIN_RESIZE,
    WAIT_PROCESS,
    WRITE_STDIN,
    Method,
    offered,
)
from kata_exporter.agent.types import Command, Process, ProcessListFormat, ProcessListOptions
from kata_exporter.model import Container

READ_OVERHEAD_BYTES = 16
"""What an answer to a read has beside its data: a tag and a length."""

MAX_READ_BYTES = READ_STDOUT.cap_bytes - READ_OVERHEAD_BYTES
MAX_SIGNAL = 64


class ProcessCalls(ObserveCalls, ProcessMethods):
    """Processes of a container."""

    async def exec(
        self, container: Container, command: Command, *, deadline: float | None = None
    ) -> Process:
        request = pb.ExecProcessRequest(
            container_id=container_id(container),
            exec_id=str(uuid.uuid4()),
            process=PROCESS.encode(process_of(command), "command"),
        )
        await self._caller.call(EXEC_PROCESS, request, deadline=deadline, container=container)
        return self._started(request.exec_id)

    async def signal_process(
        self,
        container: Container,
        exec_id: str,
        signal: int,
        *,
        all_processes: bool = False,
        deadline: float | None = None,
    ) -> None:
        request = pb.SignalProcessRequest(
            container_id=container_id(container),
            # Empty is the whole container here; in every other request it is refused.
            exec_id=""
            if checked_flag("all_processes", all_processes)
            else checked_id("exec_id", exec_id),
            signal=checked_number("signal", signal, most=MAX_SIGNAL),
        )
        await self._caller.call(SIGNAL_PROCESS, request, deadline=deadline, container=container)

    async def winsize_process(
        self,
        container: Container,
        exec_id: str,
        height: int,
        width: int,
        *,
        deadline: float | None = None,
    ) -> None:
        request = pb.TtyWinResizeRequest(
            container_id=container_id(container),
            exec_id=checked_id("exec_id", exec_id),
            row=checked_number("height", height),
            column=checked_number("width", width),
        )
        await self._caller.call(TTY_WIN_RESIZE, request, deadline=deadline, container=container)

    async def write_process_stdin(
        self, container: Container, exec_id: str, data: bytes, *, deadline: float | None = None
    ) -> int:
        request = pb.WriteStreamRequest(
            container_id=container_id(container),
            exec_id=checked_id("exec_id", exec_id),
            data=checked_data("data", data),
        )
        answer = await self._caller.call(
            WRITE_STDIN, request, deadline=deadline, container=container
        )
        if answer.len > len(request.data):
            detail = f"{answer.len} bytes taken, {len(request.data)} were given"
            raise bad_answer(WRITE_STDIN.full_name, detail)
        return answer.len

    async def close_process_stdin(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> None:
        request = pb.CloseStdinRequest(
            container_id=container_id(container), exec_id=checked_id("exec_id", exec_id)
        )
        await self._caller.call(CLOSE_STDIN, request, deadline=deadline, container=container)

    async def read_process_stdout(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        return await self._read(READ_STDOUT, container, exec_id, size_bytes, deadline)

    async def read_process_stderr(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        return await self._read(READ_STDERR, container, exec_id, size_bytes, deadline)

    async def wait_process(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> int:
        request = pb.WaitProcessRequest(
            container_id=container_id(container), exec_id=checked_id("exec_id", exec_id)
        )
        answer = await self._caller.call(
            WAIT_PROCESS, request, deadline=deadline, container=container
        )
        return answer.status

    async def process_list_container(
        self,
        container: Container,
        options: ProcessListOptions,
        *,
        deadline: float | None = None,
    ) -> bytes:
        checked_type("options", options, ProcessListOptions)
        request = pb.ListProcessesRequest(
            container_id=container_id(container),
            format=checked_type("options.format", options.format, ProcessListFormat),
            args=checked_texts("options.args", options.args),
        )
        version = (await self.version(deadline=deadline)).agent_version
        if not offered(LIST_PROCESSES, version):
            detail = f"agents from {LIST_PROCESSES.until} on don't list processes"
            raise unsupported(LIST_PROCESSES.full_name, detail)
        answer = await self._caller.call(
            LIST_PROCESSES, request, deadline=deadline, container=container
        )
        return answer.process_list

    async def _read(
        self,
        method: Method[pb.ReadStreamRequest, pb.ReadStreamResponse],
        container: Container,
        exec_id: str,
        size_bytes: int,
        deadline: float | None,
    ) -> bytes:
        request = pb.ReadStreamRequest(
            container_id=container_id(container),
            exec_id=checked_id("exec_id", exec_id),
            len=checked_number("size_bytes", size_bytes, least=1, most=MAX_READ_BYTES),
        )
        answer = await self._caller.call(
            method,
            request,
            deadline=deadline,
            container=container,
            cap_bytes=size_bytes + READ_OVERHEAD_BYTES,
        )
        if len(answer.data) > size_bytes:
            detail = f"{len(answer.data)} bytes came, {size_bytes} were asked for"
            raise bad_answer(method.full_name, detail)
        return answer.data

    def _started(self, exec_id: str) -> Process:
        return Process(exec_id, datetime.fromtimestamp(self._clock.time(), UTC))
