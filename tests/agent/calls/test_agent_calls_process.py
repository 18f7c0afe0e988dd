"""Processes: ids that are new, signals to one or all, reading to the end, lists of old agents."""

from collections.abc import Coroutine
from typing import Any

import pytest

from agent_call import CONTAINER
from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import health_pb2
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.calls.process import MAX_READ_BYTES
from kata_exporter.agent.methods import METHODS
from kata_exporter.agent.types import Command, ProcessListFormat, ProcessListOptions
from kata_exporter.errors import ArgumentError, Reason
from kata_exporter.model import Container
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

BAD_IDS = ["", "x", "../../etc/passwd", "a/b", ".hidden", "a" * 129, "a b", "a\n", "é" * 3]
LIST = "grpc.AgentService/ListProcesses"
VERSION = "grpc.Health/Version"


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    scripted.answers = {method.full_name: b"" for method in METHODS} | scripted.answers
    return KataAgent(scripted.dial_url, "mock:///a", clock=clock)


async def test_exec_gives_each_process_an_id_of_its_own(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        started = [await agent.exec(CONTAINER, Command(("ls",))) for _ in range(2)]

        sent = [pb.ExecProcessRequest.FromString(request.payload) for request in scripted.asked]
        assert [process.exec_id for process in started] == [request.exec_id for request in sent]
        assert started[0].exec_id != started[1].exec_id
        assert [process.pid for process in started] == [-1, -1]
        await agent.aclose()


async def test_exec_sends_no_user_by_name_and_no_ports(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.exec(CONTAINER, Command(("sh",), terminal=True, cwd="/srv", env={"A": "1"}))

        request = pb.ExecProcessRequest.FromString(scripted.asked[0].payload)
        assert not request.HasField("string_user")
        assert (request.stdin_port, request.stdout_port, request.stderr_port) == (0, 0, 0)
        assert (request.process.Terminal, request.process.Cwd) == (True, "/srv")
        await agent.aclose()


async def test_signal_process_to_all_has_an_empty_exec_id(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.signal_process(CONTAINER, "", 9, all_processes=True)
        await agent.signal_process(CONTAINER, "exec-one", 9, all_processes=True)

        sent = [pb.SignalProcessRequest.FromString(request.payload) for request in scripted.asked]
        assert sent == [pb.SignalProcessRequest(container_id="ctr-one", signal=9)] * 2
        await agent.aclose()


@pytest.mark.parametrize("bad", BAD_IDS)
async def test_ids_that_are_none_are_refused_before_anything_is_sent(
    clock: FakeClock, bad: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        wrong = Container(bad)
        calls: dict[str, list[Coroutine[Any, Any, object]]] = {
            "exec_id": [
                agent.signal_process(CONTAINER, bad, 9),
                agent.winsize_process(CONTAINER, bad, 1, 1),
                agent.write_process_stdin(CONTAINER, bad, b""),
                agent.close_process_stdin(CONTAINER, bad),
                agent.read_process_stdout(CONTAINER, bad, 1),
                agent.read_process_stderr(CONTAINER, bad, 1),
                agent.wait_process(CONTAINER, bad),
            ],
            "container.id": [
                agent.signal_process(wrong, "", 9, all_processes=True),
                agent.winsize_process(wrong, "exec-one", 1, 1),
                agent.write_process_stdin(wrong, "exec-one", b""),
                agent.close_process_stdin(wrong, "exec-one"),
                agent.read_process_stdout(wrong, "exec-one", 1),
                agent.read_process_stderr(wrong, "exec-one", 1),
                agent.wait_process(wrong, "exec-one"),
                agent.exec(wrong, Command(("ls",))),
                agent.process_list_container(wrong, ProcessListOptions()),
                agent.start_container(wrong),
                agent.stop_container(wrong),
                agent.pause_container(wrong),
                agent.resume_container(wrong),
                agent.stats_container(wrong),
                agent.get_diagnostic_data(wrong),
            ],
        }
        for argument, coroutines in calls.items():
            for call in coroutines:
                with pytest.raises(ArgumentError) as caught:
                    await call
                assert caught.value.argument == argument

    assert scripted.dials == 0


async def test_numbers_that_cannot_be_are_refused_before_anything_is_sent(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        for argument, call in (
            ("signal", agent.signal_process(CONTAINER, "exec-one", -9)),
            ("signal", agent.signal_process(CONTAINER, "exec-one", 65)),
            ("height", agent.winsize_process(CONTAINER, "exec-one", -1, 80)),
            ("width", agent.winsize_process(CONTAINER, "exec-one", 24, 1 << 32)),
            ("size_bytes", agent.read_process_stdout(CONTAINER, "exec-one", -1)),
            ("size_bytes", agent.read_process_stdout(CONTAINER, "exec-one", 0)),
            ("size_bytes", agent.read_process_stderr(CONTAINER, "exec-one", MAX_READ_BYTES + 1)),
        ):
            with pytest.raises(ArgumentError) as caught:
                await call
            assert caught.value.argument == argument

    assert scripted.dials == 0


async def test_container_by_its_id_alone_is_refused_with_what_to_give(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        with pytest.raises(ArgumentError, match="container 'ctr-one': should be a Container"):
            await agent_of(scripted, clock).start_container("ctr-one")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_read_gives_an_empty_answer_as_the_end(clock: FakeClock, stream: str) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)

        assert await getattr(agent, f"read_process_{stream}")(CONTAINER, "exec-one", 4096) == b""
        await agent.aclose()


@pytest.mark.parametrize("stream", ["Stdout", "Stderr"])
async def test_read_takes_as_much_as_was_asked_for_and_no_more(
    clock: FakeClock, stream: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        read = getattr(agent, f"read_process_{stream.lower()}")
        rpc = f"grpc.AgentService/Read{stream}"
        whole = bytes(MAX_READ_BYTES)
        scripted.answers[rpc] = pb.ReadStreamResponse(data=whole).SerializeToString()
        assert await read(CONTAINER, "exec-one", MAX_READ_BYTES) == whole

        with pytest.raises(AgentError) as caught:
            await read(CONTAINER, "exec-one", MAX_READ_BYTES - 1)
        assert (caught.value.method, caught.value.reason) == (rpc, Reason.PROTOCOL_ERROR)
        await agent.aclose()


@pytest.mark.parametrize("stream", ["Stdout", "Stderr"])
async def test_read_of_little_takes_no_answer_that_is_large(clock: FakeClock, stream: str) -> None:
    """What is far over the size that was asked for is never read into memory."""
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        large = pb.ReadStreamResponse(data=bytes(1 << 20)).SerializeToString()
        scripted.answers[f"grpc.AgentService/Read{stream}"] = large
        with pytest.raises(AgentError) as caught:
            await getattr(agent, f"read_process_{stream.lower()}")(CONTAINER, "exec-one", 1)

        assert caught.value.reason is Reason.TOO_LARGE
        await agent.aclose()


async def test_write_that_took_more_than_was_given_is_a_protocol_error(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/WriteStdin"] = pb.WriteStreamResponse(
            len=4
        ).SerializeToString()
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError, match="4 bytes taken, 3 were given") as caught:
            await agent.write_process_stdin(CONTAINER, "exec-one", b"abc")

        assert caught.value.reason is Reason.PROTOCOL_ERROR
        await agent.aclose()


async def test_write_takes_bytes_only(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        with pytest.raises(ArgumentError, match="data 'abc': should be bytes"):
            await agent_of(scripted, clock).write_process_stdin(CONTAINER, "exec-one", "abc")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("code", [Code.NOT_FOUND, Code.INVALID_ARGUMENT])
async def test_process_or_container_that_the_agent_lacks_is_gone(
    clock: FakeClock, code: Code
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/WaitProcess"] = StatusError(code, "none")
        with pytest.raises(AgentError) as caught:
            await agent_of(scripted, clock).wait_process(CONTAINER, "exec-one")

    assert caught.value.reason is Reason.GONE


@pytest.mark.parametrize(
    ("version", "asks"),
    [
        ("1.12.1", True),
        ("2.0.4", True),
        ("of my own", True),
        ("2.1.0-rc0", False),
        ("3.30.0", False),
        ("4.1.0", False),
    ],
)
async def test_process_list_container_asks_only_agents_that_list_processes(
    clock: FakeClock, version: str, *, asks: bool
) -> None:
    answer = health_pb2.VersionCheckResponse(agent_version=version).SerializeToString()
    options = ProcessListOptions(ProcessListFormat.TABLE)
    async with scripted_agent(clock) as scripted:
        scripted.answers[VERSION] = answer
        agent = agent_of(scripted, clock)
        if asks:
            assert await agent.process_list_container(CONTAINER, options) == b""
            request = pb.ListProcessesRequest.FromString(scripted.asked[1].payload)
            assert (request.format, list(request.args)) == ("table", [])
        else:
            with pytest.raises(AgentError) as caught:
                await agent.process_list_container(CONTAINER, options)
            error = caught.value
            assert (error.reason, error.code) == (Reason.UNSUPPORTED, "UNIMPLEMENTED")
            assert (error.method, error.from_agent) == (LIST, False)

        assert scripted.methods == ([VERSION, LIST] if asks else [VERSION])
        await agent.aclose()
