"""A sandbox's life: what is sent in which order, and what never is."""

import asyncio
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from fake_host import FakeHypervisor, FakeSharing
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.collaborators import Host, SharedRootfs
from kata_exporter.agent.methods import METHODS
from kata_exporter.agent.types import (
    AgentConfig,
    ARPNeighbor,
    Capability,
    ContainerConfig,
    Interface,
    IPAddress,
    NineP,
    Route,
    SandboxConfig,
    oci,
)
from kata_exporter.errors import ArgumentError
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, never, scripted_agent

CREATE = "grpc.AgentService/CreateSandbox"
NEIGHBORS = "grpc.AgentService/AddARPNeighbors"
NETWORK = SandboxConfig(
    "sb-one",
    interfaces=(Interface("eth0"), Interface("eth1")),
    routes=(Route(gateway="10.0.0.1"),),
    neighbors=(ARPNeighbor(IPAddress("10.0.0.1")),),
)
WHOLE = [
    "grpc.Health/Check",
    "grpc.AgentService/SetPolicy",
    "grpc.AgentService/UpdateInterface",
    "grpc.AgentService/UpdateInterface",
    "grpc.AgentService/UpdateRoutes",
    NEIGHBORS,
    CREATE,
]
CONFIG = AgentConfig(
    policy="package agent_policy", kernel_modules=("e1000e EEE=1 x=2", " ", "i915")
)


def agent_of(
    scripted: ScriptedAgent,
    clock: FakeClock,
    config: AgentConfig = CONFIG,
    host: Host | None = None,
) -> KataAgent:
    scripted.answers = {method.full_name: b"" for method in METHODS} | scripted.answers
    agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock, host=host)
    agent.init(NETWORK, config)
    return agent


def created(scripted: ScriptedAgent) -> pb.CreateSandboxRequest:
    (request,) = (request for request in scripted.asked if request.method == "CreateSandbox")
    return pb.CreateSandboxRequest.FromString(request.payload)


def modules(request: pb.CreateSandboxRequest) -> list[tuple[str, list[str]]]:
    return [(module.name, list(module.parameters)) for module in request.kernel_modules]


def test_init_tells_whether_the_guest_shuts_itself_down(clock: FakeClock) -> None:
    agent = KataAgent(ScriptedAgent(clock).dial_url, clock=clock)

    assert not agent.init(NETWORK, AgentConfig())
    assert agent.init(NETWORK, AgentConfig(trace=True))


@pytest.mark.parametrize(("configured", "seconds"), [(0, 60), (0.5, 0.5), (600, 600)])
async def test_init_sets_the_time_of_create_container_and_zero_is_the_default(
    clock: FakeClock, configured: float, seconds: float
) -> None:
    container = ContainerConfig("ctr-one", oci.Spec(process=oci.Process(), linux=oci.Linux()))
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        agent.init(
            SandboxConfig("sb-one", create_container_timeout_seconds=configured), AgentConfig()
        )
        await agent.create_container(NETWORK, container)
        await agent.stop_sandbox()

        margin = min(0.1, seconds / 10)
        assert [request.timeout_ns / 1e9 for request in scripted.asked] == [
            pytest.approx(seconds - margin),
            pytest.approx(59.9),
        ]
        await agent.aclose()


@pytest.mark.parametrize(("configured", "seconds"), [(0, 30), (45, 45)])
async def test_init_sets_the_time_of_dialling_and_zero_is_the_default(
    clock: FakeClock, configured: float, seconds: float
) -> None:
    ended = asyncio.Event()

    async def dial(deadline: float) -> None:
        assert deadline == clock.monotonic() + seconds
        ended.set()
        await never()

    agent = KataAgent(lambda _: dial, "mock:///a", clock=clock)  # type: ignore[arg-type,return-value]  # no socket
    agent.init(NETWORK, AgentConfig(dial_timeout_seconds=configured))
    call = asyncio.create_task(agent.stop_sandbox())
    await ended.wait()
    await agent.aclose()
    with pytest.raises(AgentError):
        await call


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_init_refuses_times_that_are_none(clock: FakeClock, seconds: float) -> None:
    agent = KataAgent(ScriptedAgent(clock).dial_url, clock=clock)

    with pytest.raises(ArgumentError, match="dial_timeout_seconds"):
        agent.init(NETWORK, AgentConfig(dial_timeout_seconds=seconds))
    with pytest.raises(ArgumentError, match="create_container_timeout_seconds"):
        agent.init(SandboxConfig("sb-one", create_container_timeout_seconds=seconds), AgentConfig())


def test_capabilities_are_block_devices(clock: FakeClock) -> None:
    agent = KataAgent(ScriptedAgent(clock).dial_url, clock=clock)

    assert agent.capabilities() == {Capability.BLOCK_DEVICE}


async def test_start_sandbox_sends_all_in_order(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(NETWORK)

        assert scripted.methods == WHOLE
        assert {request.timeout_ns for request in scripted.asked[1:]} == {59_900_000_000}
        await agent.aclose()


async def test_start_sandbox_leaves_out_what_is_not_configured(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, AgentConfig())
        await agent.start_sandbox(SandboxConfig("sb-one"))

        assert scripted.methods == ["grpc.Health/Check", CREATE]
        await agent.aclose()


async def test_start_sandbox_on_another_machine_has_no_network_no_modules_and_more_time(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        host = Host(FakeHypervisor("remote:///a", remote=True))
        agent = agent_of(scripted, clock, host=host)
        await agent.start_sandbox(NETWORK)
        await agent.stop_sandbox()

        assert scripted.methods == [*WHOLE[:2], CREATE, "grpc.AgentService/DestroySandbox"]
        seconds = [request.timeout_ns / 1e9 for request in scripted.asked]
        assert seconds == [pytest.approx(each - 0.1) for each in (30, 300, 300, 60)]
        assert modules(created(scripted)) == []
        await agent.aclose()


async def test_start_sandbox_goes_to_the_url_that_was_configured(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, host=Host(FakeHypervisor("vsock://9:1024")))
        await agent.create_sandbox(NETWORK)
        await agent.start_sandbox(NETWORK)

        assert scripted.urls == ["vsock://9:1024"]
        await agent.aclose()


async def test_start_sandbox_sends_modules_by_name_and_parameters(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(NETWORK)

        assert modules(created(scripted)) == [("e1000e", ["EEE=1", "x=2"]), ("i915", [])]
        await agent.aclose()


@pytest.mark.parametrize(("length", "sent"), [(0, 0), (64, 64), (65, 64)])
async def test_start_sandbox_cuts_the_hostname(clock: FakeClock, length: int, sent: int) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(SandboxConfig("sb-one", "h" * length))

        assert created(scripted).hostname == "h" * sent
        await agent.aclose()


@pytest.mark.parametrize(
    ("hostname", "sent"),
    [("é" * 40, "é" * 32), ("a" + "é" * 40, "a" + "é" * 31), ("€" * 22, "€" * 21)],
)
async def test_start_sandbox_cuts_the_hostname_at_the_border_of_a_character(
    clock: FakeClock, hostname: str, sent: str
) -> None:
    """The kernel's limit is of bytes."""
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(SandboxConfig("sb-one", hostname))

        assert created(scripted).hostname == sent
        await agent.aclose()


async def test_start_sandbox_sends_the_lines_of_resolv_conf_as_they_stand(
    clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 10.0.0.10\n\noptions ndots:5\n")
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(SandboxConfig("sb-one", resolv_conf=path))

        assert list(created(scripted).dns) == ["nameserver 10.0.0.10", "", "options ndots:5", ""]
        await agent.aclose()


async def test_start_sandbox_sends_what_is_mounted_for_the_sandbox(clock: FakeClock) -> None:
    sandbox = SandboxConfig(
        "sb-one",
        shared_fs=NineP(),
        shm_size_bytes=4096,
        shares_pid_namespace=True,
        guest_hook_path="/hooks",
    )
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(sandbox)

        request = created(scripted)
        assert [storage.driver for storage in request.storages] == ["9p", "ephemeral"]
        assert (request.sandbox_pidns, request.guest_hook_path) == (True, "/hooks")
        await agent.aclose()


async def test_start_sandbox_goes_on_where_the_agent_is_too_old_for_neighbors(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[NEIGHBORS] = StatusError(Code.UNIMPLEMENTED, "Nope")
        agent = agent_of(scripted, clock)
        await agent.start_sandbox(NETWORK)

        assert scripted.methods == WHOLE
        assert "too old to be given neighbours" in caplog.text
        await agent.aclose()


@pytest.mark.parametrize("failing", sorted({*WHOLE}))
async def test_start_sandbox_ends_with_the_first_call_that_fails(
    clock: FakeClock, failing: str
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[failing] = StatusError(Code.INTERNAL, "no")
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await agent.start_sandbox(NETWORK)

        assert caught.value.method == failing
        assert scripted.methods == WHOLE[: WHOLE.index(failing) + 1]
        await agent.aclose()


@pytest.mark.parametrize("waiting", sorted({*WHOLE}))
async def test_start_sandbox_can_be_cancelled_at_each_call(clock: FakeClock, waiting: str) -> None:
    """Left: a connection that the next call uses."""
    async with scripted_agent(clock) as scripted:
        scripted.answers[waiting] = never
        agent = agent_of(scripted, clock)
        start = asyncio.create_task(agent.start_sandbox(NETWORK))
        await settle(200)
        assert scripted.methods[-1] == waiting
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start

        await agent.stop_sandbox()
        assert scripted.dials == 1
        await agent.aclose()


@pytest.mark.parametrize(
    ("sandbox", "config", "argument"),
    [
        (SandboxConfig("../x"), AgentConfig(), "sandbox.id"),
        (SandboxConfig("sb-one", "\ud800"), AgentConfig(), "sandbox.hostname"),
        (
            SandboxConfig("sb-one", resolv_conf=Path("/nowhere")),
            AgentConfig(),
            "sandbox.resolv_conf",
        ),
        (
            SandboxConfig("sb-one", interfaces=(Interface(), Interface(mtu_bytes=-1))),
            AgentConfig(),
            "sandbox.interfaces[1].mtu_bytes",
        ),
        (SandboxConfig("sb-one", routes=(Route(scope=-1),)), AgentConfig(), "routes[0].scope"),
        (
            SandboxConfig("sb-one", neighbors=(ARPNeighbor(IPAddress("a"), state=1 << 31),)),
            AgentConfig(),
            "neighbors[0].state",
        ),
        (SandboxConfig("sb-one"), AgentConfig(policy="\ud800"), "config.policy"),
        (
            SandboxConfig("sb-one"),
            AgentConfig(kernel_modules=("\ud800",)),
            "config.kernel_modules[0]",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_start_sandbox_sends_nothing_where_an_argument_is_bad(
    clock: FakeClock, sandbox: SandboxConfig, config: AgentConfig, argument: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, config)
        with pytest.raises(ArgumentError) as caught:
            await agent.start_sandbox(sandbox)

    assert caught.value.argument == argument
    assert scripted.asked == []


async def test_cleanup_is_the_hosts_and_only_logs_what_fails(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    sharing = FakeSharing(SharedRootfs("/"), failing=frozenset({"cleanup"}))
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock, host=Host(sharing=sharing))
        await agent.cleanup(NETWORK)

    assert sharing.done == ["cleanup sb-one"]
    assert "cleanup failed" in caplog.text
    assert scripted.asked == []
