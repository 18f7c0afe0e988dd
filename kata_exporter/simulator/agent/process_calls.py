"""A simulated agent's calls about processes and their streams.

Codes are those of the agent's ``rpc.rs``: INVALID_ARGUMENT for a container that isn't there,
NOT_FOUND for a process, INTERNAL in the calls that don't tell one from the other, and for most else.
"""

import errno
import json
from collections.abc import Mapping
from signal import Signals

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.agent.containers import AgentContainer, AgentContainers
from kata_exporter.simulator.agent.handler import Handler, Quote, internal, os_error
from kata_exporter.simulator.agent.pipe import Pipe
from kata_exporter.simulator.agent.process import ProcessLost, SimulatedProcess
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.ttrpc import Code, StatusError


class ProcessCalls:
    """What is done with the processes of containers.

    Args:
        containers: those that there are.
        quote: writes an error's text as this release does.
    """

    def __init__(self, containers: AgentContainers, *, quote: Quote) -> None:
        self._containers = containers
        self._quote = quote

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The calls, by the names of their methods."""
        return {
            "ExecProcess": self._exec,
            "SignalProcess": self._signal,
            "WaitProcess": self._wait,
            "ListProcesses": self._list_processes,
            "WriteStdin": self._write_stdin,
            "CloseStdin": self._close_stdin,
            "ReadStdout": self._read_stdout,
            "ReadStderr": self._read_stderr,
            "TtyWinResize": self._resize,
        }

    async def _exec(self, request: pb.ExecProcessRequest) -> None:
        if not request.HasField("process"):
            raise os_error(errno.EINVAL)
        container = self._to_change(request.container_id)
        try:
            spec = ProcessSpec.from_oci(request.process)
            self._containers.execute(container, request.exec_id, spec)
        except ValueError as error:
            raise internal(str(error)) from error

    async def _signal(self, request: pb.SignalProcessRequest) -> None:
        if not request.exec_id and request.signal == Signals.SIGKILL:
            self._to_change(request.container_id).kill()
            return
        _, process = self._find(request)
        # An init that handles no SIGTERM would never get one.
        kills = process.is_init and request.signal == Signals.SIGTERM
        try:
            process.signal(Signals.SIGKILL if kills else request.signal)
        except ValueError:
            raise os_error(errno.EINVAL) from None

    async def _wait(self, request: pb.WaitProcessRequest) -> pb.WaitProcessResponse:
        container, process = self._find(request)
        try:
            status = await process.wait()
        except ProcessLost:
            raise internal("Invalid container id") from None
        container.reap(process)
        return pb.WaitProcessResponse(status=status)

    async def _list_processes(self, request: pb.ListProcessesRequest) -> pb.ListProcessesResponse:
        container = self._containers.get(request.container_id)
        if container is None:
            raise StatusError(Code.INVALID_ARGUMENT, self._quote("invalid container id"))
        running = [process for process in container.processes.values() if not process.ended]
        match request.format:
            case "json":
                text = json.dumps([process.pid for process in running])
            case "table":
                rows = (f"{process.pid:>5} {' '.join(process.spec.args)}\n" for process in running)
                text = "  PID CMD\n" + "".join(rows)
            case _:
                raise StatusError(Code.INVALID_ARGUMENT, self._quote("invalid format"))
        return pb.ListProcessesResponse(process_list=text.encode())

    async def _write_stdin(self, request: pb.WriteStreamRequest) -> pb.WriteStreamResponse:
        try:
            _, process = self._find(request)
        except StatusError as error:
            raise internal(error.message) from error
        try:
            if request.data:
                await process.stdin.write(request.data)
            else:
                process.close_stdin()
        except BrokenPipeError:
            raise os_error(errno.EPIPE) from None
        return pb.WriteStreamResponse(len=len(request.data))

    async def _close_stdin(self, request: pb.CloseStdinRequest) -> None:
        _, process = self._find(request)
        process.close_stdin()

    async def _read_stdout(self, request: pb.ReadStreamRequest) -> pb.ReadStreamResponse:
        _, process = self._find(request)
        return await _read(process.stdout, request)

    async def _read_stderr(self, request: pb.ReadStreamRequest) -> pb.ReadStreamResponse:
        _, process = self._find(request)
        return await _read(process.stderr, request)

    async def _resize(self, request: pb.TtyWinResizeRequest) -> None:
        _, process = self._find(request)
        if not process.spec.terminal:
            raise StatusError(Code.UNAVAILABLE, self._quote("no tty"))
        process.window = (request.row, request.column)

    def _find(self, request: "_AboutProcess") -> tuple[AgentContainer, SimulatedProcess]:
        container = self._containers.get(request.container_id)
        if container is None:
            raise StatusError(Code.INVALID_ARGUMENT, "InvalidContainerId")
        process = container.find(request.exec_id)
        if process is None:
            text = "InvalidExecId" if request.exec_id else "InitProcessNotFound"
            raise StatusError(Code.NOT_FOUND, text)
        return container, process

    def _to_change(self, container_id: str) -> AgentContainer:
        container = self._containers.get(container_id)
        if container is None:
            raise internal("Invalid container id")
        return container


_AboutProcess = (
    pb.SignalProcessRequest
    | pb.WaitProcessRequest
    | pb.WriteStreamRequest
    | pb.CloseStdinRequest
    | pb.ReadStreamRequest
    | pb.TtyWinResizeRequest
)


async def _read(pipe: Pipe, request: pb.ReadStreamRequest) -> pb.ReadStreamResponse:
    return pb.ReadStreamResponse(data=await pipe.read(request.len))
