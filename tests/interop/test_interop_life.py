"""A sandbox's whole life through the client: the same script on peers in Go and Rust and a simulated agent.

A peer is told its answers step by step, a simulated agent finds them by itself. What the client is
given, and what is on the wire, has to be the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import groupby
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.types import Command, ContainerConfig, Process, SandboxConfig, oci
from kata_exporter.errors import Reason
from kata_exporter.model import Container
from kata_exporter.simulator import Fleet
from kata_exporter.ttrpc import Code, ServerRequest
from life_stage import PeerStage, SimulatedStage, Stage
from waiting import soon

SIGKILL, SIGTERM = 9, 15
SANDBOX = SandboxConfig("life-1", "web-0", shm_size_bytes=1 << 20)
WEB = Container("web-container", "web")
SPEC = oci.Spec(process=oci.Process(("sleep", "3600")), root=oci.Root("/"), linux=oci.Linux())
WHOLE_LIFE = """
    Check CreateSandbox CreateContainer StartContainer
    ExecProcess WriteStdin CloseStdin ReadStdout ReadStderr WaitProcess
    StatsContainer GetOOMEvent
    ExecProcess SignalProcess WaitProcess
    SignalProcess WaitProcess RemoveContainer StatsContainer DestroySandbox
""".split()
READS = {"stdout": "ReadStdout", "stderr": "ReadStderr"}


@pytest_asyncio.fixture(
    params=[
        pytest.param("go_server", marks=pytest.mark.real),
        pytest.param("rust_server", marks=pytest.mark.real),
        "simulator",
    ]
)
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Stage]:
    """Each agent in turn."""
    if request.param != "simulator":
        yield PeerStage(request.getfixturevalue(request.param))
        return
    requests: list[ServerRequest] = []
    fleet = Fleet(tmp_path, sandboxes=1, clock=clock, on_request=requests.append)
    await fleet.start()
    try:
        yield SimulatedStage(fleet.sandboxes[0], requests)
    finally:
        await fleet.stop()


async def read_to_the_end(
    stage: Stage, agent: KataAgent, process: Process, stream: str, expected: bytes
) -> bytes:
    """Read until an empty answer, which a peer gives after what is expected."""
    read = getattr(agent, f"read_process_{stream}")
    found = b""
    stage.will(READS[stream], pb.ReadStreamResponse(data=expected))
    while data := await read(WEB, process.exec_id, 4096):
        found += data
        stage.will(READS[stream], pb.ReadStreamResponse())
    return found


async def ended_with(stage: Stage, agent: KataAgent, exec_id: str, code: int) -> int:
    stage.will("WaitProcess", pb.WaitProcessResponse(status=code))
    return await agent.wait_process(WEB, exec_id)


async def test_the_whole_life_of_a_sandbox_is_the_same_on_each_agent(
    stage: Stage, clock: FakeClock
) -> None:
    async with aclosing(KataAgent(lambda _: stage.dial, "unix:///a.sock", clock=clock)) as agent:
        await live(stage, agent, clock)

    assert [method for method, _ in groupby(stage.asked())] == WHOLE_LIFE


async def live(stage: Stage, agent: KataAgent, clock: FakeClock) -> None:
    # It comes to be.
    await agent.create_sandbox(SANDBOX)
    assert stage.asked() == []
    await agent.start_sandbox(SANDBOX)
    first = await agent.create_container(SANDBOX, ContainerConfig(WEB.id, SPEC))
    assert first.exec_id == WEB.id
    await agent.start_container(WEB)

    # A process with input, output and an end.
    script = Command(("sh", "-c", "cat; echo err >&2; exit 3"))
    process = await agent.exec(WEB, script)
    stage.will("WriteStdin", pb.WriteStreamResponse(len=3))
    assert await agent.write_process_stdin(WEB, process.exec_id, b"in\n") == 3
    await agent.close_process_stdin(WEB, process.exec_id)
    assert await read_to_the_end(stage, agent, process, "stdout", b"in\n") == b"in\n"
    assert await read_to_the_end(stage, agent, process, "stderr", b"err\n") == b"err\n"
    assert await ended_with(stage, agent, process.exec_id, 3) == 3

    # What it uses, and want of memory.
    clock.advance(1)
    usage = pb.CpuUsage(total_usage=1)
    stats = pb.StatsContainerResponse(
        cgroup_stats=pb.CgroupStats(cpu_stats=pb.CpuStats(cpu_usage=usage))
    )
    stage.will("StatsContainer", stats)
    cpu = (await agent.stats_container(WEB)).cpu
    assert cpu is not None
    assert cpu.usage_ns > 0
    event = asyncio.create_task(agent.get_oom_event())
    await soon(lambda: "GetOOMEvent" in stage.asked())
    stage.kill_for_memory(WEB.id)
    assert await event == WEB.id

    # Signals: to one process, and to all.
    sleeper = await agent.exec(WEB, Command(("sleep", "3600")))
    await agent.signal_process(WEB, sleeper.exec_id, SIGTERM)
    assert await ended_with(stage, agent, sleeper.exec_id, 128 + SIGTERM) == 128 + SIGTERM
    await agent.signal_process(WEB, "", SIGKILL, all_processes=True)
    assert await ended_with(stage, agent, first.exec_id, 128 + SIGKILL) == 128 + SIGKILL

    # Its end.
    await agent.stop_container(WEB)
    stage.will("StatsContainer", pb.StatsContainerResponse(), code=Code.INVALID_ARGUMENT)
    with pytest.raises(AgentError) as caught:
        await agent.stats_container(WEB)
    assert caught.value.reason is Reason.GONE
    await agent.stop_sandbox()
