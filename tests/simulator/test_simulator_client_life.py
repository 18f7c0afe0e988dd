"""The package's own client lives a sandbox's whole life with a simulated agent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.types import Command, ContainerConfig, SandboxConfig, Storage, oci
from kata_exporter.model import Container
from kata_exporter.simulator import Fleet, Victim
from kata_exporter.sockets import AgentUrl, Dialer

WEB = Container("web", "web")
SHARED = "/run/kata-containers/shared/containers"
SIGTERM = 15


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path / "host", sandboxes=1, clock=clock, seed=1)
    await fleet.start()
    yield fleet
    await fleet.stop()


async def read_all(agent: KataAgent, exec_id: str) -> bytes:
    found = b""
    while data := await agent.read_process_stdout(WEB, exec_id, 4):
        found += data
    return found


async def test_the_packages_own_client_understands_all_of_it(
    fleet: Fleet, tmp_path: Path, clock: FakeClock
) -> None:
    (simulated,) = fleet.sandboxes
    agent = KataAgent(
        lambda url: Dialer().dial(AgentUrl.parse(url)), simulated.agent_url, clock=clock
    )
    (interface,) = await agent.list_interfaces()
    sandbox = SandboxConfig(
        simulated.id, "w" * 70, interfaces=(interface,), routes=await agent.list_routes()
    )
    await agent.start_sandbox(sandbox)
    assert simulated.agent.system.hostname == "w" * 64

    message = tmp_path / "message"
    message.write_bytes(bytes(3 << 20))
    await agent.copy_file(message, f"{SHARED}/message")
    assert simulated.agent.system.files.read(f"{SHARED}/message") == bytes(3 << 20)

    spec = oci.Spec(
        process=oci.Process(("sleep", "60")), root=oci.Root("/rootfs"), linux=oci.Linux()
    )
    tmpfs = Storage("ephemeral", "tmpfs", "tmpfs", "/run/x", ("size=1m",))
    await agent.create_container(sandbox, ContainerConfig("web", spec, (tmpfs,)))
    await agent.start_container(WEB)

    cat = await agent.exec(
        WEB, Command(("sh", "-c", "cat; id; env; exit 3"), "7:8", env={"A": "b"})
    )
    assert await agent.write_process_stdin(WEB, cat.exec_id, b"in\n") == 3
    await agent.close_process_stdin(WEB, cat.exec_id)
    assert await read_all(agent, cat.exec_id) == b"in\nuid=7 gid=8 groups=8\nA=b\n"
    assert await agent.wait_process(WEB, cat.exec_id) == 3
    with pytest.raises(AgentError) as late:
        await agent.wait_process(WEB, cat.exec_id)
    assert late.value.code == "NOT_FOUND"

    await agent.update_container(
        WEB, oci.LinuxResources(memory=oci.LinuxMemory(limit_bytes=8 << 30))
    )
    await agent.pause_container(WEB)
    await agent.resume_container(WEB)
    stats = await agent.stats_container(WEB)
    assert stats.memory is not None

    server = await agent.exec(WEB, Command(("/bin/server",)))
    await agent.signal_process(WEB, server.exec_id, SIGTERM)
    assert await agent.wait_process(WEB, server.exec_id) == 143
    simulated.kill_for_memory("web", Victim.INIT)
    assert await agent.wait_process(WEB, "web") == 137
    await agent.stop_container(WEB)
    await agent.stop_sandbox()
    clock.advance(1)
    await agent.aclose()
