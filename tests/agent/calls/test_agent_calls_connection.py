"""Where an agent is, and what is kept of it."""

from pathlib import Path

import pytest

from fake_clock import FakeClock
from fake_host import FakeHypervisor
from kata_exporter.agent import KataAgent
from kata_exporter.agent.collaborators import SHARED_TAG, Host, NoHypervisor
from kata_exporter.agent.types import AgentConfig, AgentState, SandboxConfig, VirtioFs
from kata_exporter.errors import ArgumentError
from scripted_agent import scripted_agent

SHARE = Path("/run/share")


@pytest.fixture
def agent(clock: FakeClock) -> KataAgent:
    """A client that was given no URL, and asks nobody."""

    def dial_url(url: str) -> object:
        raise AssertionError(f"nothing here connects to {url}")

    return KataAgent(dial_url, clock=clock)  # type: ignore[arg-type]  # never a dial


def test_url_of_a_client_without_one_is_an_error_that_names_it(agent: KataAgent) -> None:
    for ask in (agent.get_agent_url, agent.set_agent_url):
        with pytest.raises(ArgumentError) as caught:
            ask()
        assert caught.value.argument == "url"


async def test_set_agent_url_is_what_the_next_connection_goes_to(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        agent = KataAgent(scripted.dial_url, "mock:///old", clock=clock)
        await agent.check()
        await agent.configure_from_grpc(FakeHypervisor("mock:///new"), "sb-one", AgentConfig())
        assert (agent.get_agent_url(), agent.save()) == ("mock:///new", AgentState("mock:///old"))

        agent.set_agent_url()
        await agent.check()
        await agent.disconnect()
        await agent.check()
        assert scripted.urls == ["mock:///old", "mock:///new"]
        await agent.aclose()


async def test_load_takes_over_what_save_gave(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        saved = KataAgent(scripted.dial_url, "mock:///a", clock=clock).save()
        agent = KataAgent(scripted.dial_url, clock=clock)
        agent.load(saved)
        await agent.check()

        assert scripted.urls == ["mock:///a"]
        await agent.aclose()


@pytest.mark.parametrize("url", ["vsock://3:1024", "hvsock:///run/vm.sock:1024"])
async def test_configure_gives_the_vm_a_device_for_vsock_and_the_shared_folder(
    agent: KataAgent, url: str
) -> None:
    hypervisor = FakeHypervisor(url)
    await agent.configure(hypervisor, "sb-one", SHARE, AgentConfig(long_live_conn=False))

    assert hypervisor.added == [f"vsock {url}", f"share {SHARE} {SHARED_TAG}"]
    assert agent.get_agent_url() == url
    assert agent.save() == AgentState("")
    assert not agent.long_live_conn()


@pytest.mark.parametrize("url", ["remote:///run/peer.sock", "mock:///run/mock.sock"])
async def test_configure_gives_no_device_where_none_leads_to_the_agent(
    agent: KataAgent, url: str
) -> None:
    hypervisor = FakeHypervisor(url)
    await agent.configure(hypervisor, "sb-one", None, AgentConfig())

    assert hypervisor.added == []


async def test_configure_from_grpc_gives_the_vm_nothing(agent: KataAgent) -> None:
    hypervisor = FakeHypervisor("vsock://3:1024")
    await agent.configure_from_grpc(hypervisor, "sb-one", AgentConfig())

    assert (hypervisor.added, agent.get_agent_url()) == ([], "vsock://3:1024")


async def test_without_a_hypervisor_the_url_stays_and_the_log_says_so(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "kata_exporter.agent.collaborators")
    async with scripted_agent(clock) as scripted:
        agent = KataAgent(scripted.dial_url, "vsock://3:1024", clock=clock)
        await agent.configure(NoHypervisor(), "sb-one", SHARE, AgentConfig())

    assert agent.get_agent_url() == "vsock://3:1024"
    assert [record.levelname for record in caplog.records] == ["DEBUG"] * 3


@pytest.mark.parametrize("sandbox_id", ["", "x", "../../etc", "a" * 129, "a\n"])
async def test_configure_refuses_an_id_that_is_none(agent: KataAgent, sandbox_id: str) -> None:
    for configure in (
        agent.configure(FakeHypervisor("mock:///a"), sandbox_id, None, AgentConfig()),
        agent.configure_from_grpc(FakeHypervisor("mock:///a"), sandbox_id, AgentConfig()),
    ):
        with pytest.raises(ArgumentError) as caught:
            await configure
        assert caught.value.argument == "sandbox_id"


async def test_create_sandbox_configures_and_sends_nothing(clock: FakeClock) -> None:
    """The agent's CreateSandbox is sent by start_sandbox."""
    hypervisor = FakeHypervisor("hvsock:///run/vm.sock:1024")
    async with scripted_agent(clock) as scripted:
        agent = KataAgent(scripted.dial_url, clock=clock, host=Host(hypervisor))
        await agent.create_sandbox(SandboxConfig("sb-one", share_path=SHARE, shared_fs=VirtioFs()))
        await agent.create_sandbox(SandboxConfig("sb-one", share_path=SHARE))

    assert (scripted.dials, scripted.asked) == (0, [])
    device = "vsock hvsock:///run/vm.sock:1024"
    assert hypervisor.added == [device, f"share {SHARE} {SHARED_TAG}", device]
