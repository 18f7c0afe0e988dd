"""A container's life: shared and unshared, created as the guest is to have it, stopped."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agent_call import CONTAINER
from fake_clock import FakeClock, settle
from fake_host import FakeSharing
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.collaborators import Host, SharedRootfs
from kata_exporter.agent.types import Command, ContainerConfig, SandboxConfig, Storage, oci
from kata_exporter.errors import ArgumentError, Reason
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, never, scripted_agent

CREATE = "grpc.AgentService/CreateContainer"
REMOVE = "grpc.AgentService/RemoveContainer"
SANDBOX = SandboxConfig("sb-one")
SPEC = oci.Spec(process=oci.Process(("true",)), root=oci.Root("/host"), linux=oci.Linux())
CONFIG = ContainerConfig("ctr-one", SPEC, (Storage("blk"),))
ROOTFS = SharedRootfs("/guest/rootfs", (Storage("layer"),))


def agent_of(
    scripted: ScriptedAgent, clock: FakeClock, sharing: FakeSharing | None = None
) -> KataAgent:
    host = None if sharing is None else Host(sharing=sharing)
    return KataAgent(scripted.dial_url, "mock:///a", clock=clock, host=host)


async def test_create_container_shares_its_root_and_mounts_that_first(clock: FakeClock) -> None:
    sharing = FakeSharing(ROOTFS)
    async with scripted_agent(clock) as scripted:
        scripted.answers[CREATE] = b""
        agent = agent_of(scripted, clock, sharing)
        await agent.create_container(SANDBOX, CONFIG)

        request = pb.CreateContainerRequest.FromString(scripted.asked[0].payload)
        assert request.OCI.Root.Path == "/guest/rootfs"
        assert [storage.driver for storage in request.storages] == ["layer", "blk"]
        assert request.exec_id == "ctr-one"
        assert sharing.done == ["share sb-one"]
        await agent.aclose()


async def test_create_container_without_sharing_keeps_the_root_of_the_specification(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers[CREATE] = b""
        agent = agent_of(scripted, clock)
        await agent.create_container(SANDBOX, CONFIG)

        request = pb.CreateContainerRequest.FromString(scripted.asked[0].payload)
        assert request.OCI.Root.Path == "/host"
        await agent.aclose()


@pytest.mark.parametrize("failing", [frozenset[str](), frozenset({"unshare"})])
async def test_create_container_that_the_agent_refuses_is_undone_on_the_host(
    clock: FakeClock, failing: frozenset[str]
) -> None:
    """And its error is what the caller gets, whatever undoing brings."""
    sharing = FakeSharing(ROOTFS, failing)
    async with scripted_agent(clock) as scripted:
        scripted.answers[CREATE] = StatusError(Code.INTERNAL, "no")
        agent = agent_of(scripted, clock, sharing)
        with pytest.raises(AgentError):
            await agent.create_container(SANDBOX, CONFIG)
        await agent.aclose()

    assert sharing.done == ["share sb-one", "unshare sb-one"]


async def test_create_container_whose_root_cannot_be_shared_sends_nothing(clock: FakeClock) -> None:
    sharing = FakeSharing(ROOTFS, frozenset({"share"}))
    async with scripted_agent(clock) as scripted:
        with pytest.raises(OSError, match="share failed"):
            await agent_of(scripted, clock, sharing).create_container(SANDBOX, CONFIG)

    assert (scripted.asked, sharing.done) == ([], ["share sb-one", "unshare sb-one"])


async def test_create_container_that_is_cancelled_is_undone_on_the_host(clock: FakeClock) -> None:
    sharing = FakeSharing(ROOTFS)
    async with scripted_agent(clock) as scripted:
        scripted.answers[CREATE] = never
        agent = agent_of(scripted, clock, sharing)
        create = asyncio.create_task(agent.create_container(SANDBOX, CONFIG))
        await settle()
        create.cancel()
        with pytest.raises(asyncio.CancelledError):
            await create
        await agent.aclose()

    assert sharing.done == ["share sb-one", "unshare sb-one"]


@pytest.mark.parametrize(
    ("config", "argument"),
    [
        (ContainerConfig("x", SPEC), "container.id"),
        (ContainerConfig("ctr-one", oci.Spec(linux=oci.Linux())), "container.spec.process"),
        (ContainerConfig("ctr-one", oci.Spec(process=oci.Process())), "container.spec.linux"),
        (
            ContainerConfig(
                "ctr-one",
                oci.Spec(
                    process=oci.Process(rlimits=(oci.POSIXRlimit("RLIMIT_CORE", -1, 0),)),
                    linux=oci.Linux(),
                ),
            ),
            "container.spec.process.rlimits[0].hard",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_create_container_shares_and_sends_nothing_where_an_argument_is_bad(
    clock: FakeClock, config: ContainerConfig, argument: str
) -> None:
    sharing = FakeSharing(ROOTFS)
    async with scripted_agent(clock) as scripted:
        with pytest.raises(ArgumentError) as caught:
            await agent_of(scripted, clock, sharing).create_container(SANDBOX, config)

    assert caught.value.argument == argument
    assert (scripted.asked, sharing.done) == ([], [])


async def test_stop_container_leaves_the_guest_no_time_out_of_its_own(clock: FakeClock) -> None:
    """So it is the call's that ends the wait, under the name that Kata's own client gives it."""
    async with scripted_agent(clock) as scripted:
        scripted.answers[REMOVE] = never
        agent = agent_of(scripted, clock)
        stop = asyncio.create_task(agent.stop_container(CONTAINER))
        await settle()
        await clock.run_for(60, step=1)
        with pytest.raises(AgentError) as caught:
            await stop

        assert pb.RemoveContainerRequest.FromString(scripted.asked[0].payload).timeout == 0
        assert caught.value.kata_text == "RemoveContainerRequest timed out"
        await agent.aclose()


LACKS = StatusError(Code.INVALID_ARGUMENT, '"invalid container id"')
FAILS = StatusError(Code.INTERNAL, "Invalid container id")


@pytest.mark.parametrize(
    ("rpc", "answer", "reason"),
    [
        ("UpdateContainer", LACKS, Reason.GONE),
        ("PauseContainer", LACKS, Reason.GONE),
        ("ResumeContainer", LACKS, Reason.GONE),
        ("StatsContainer", LACKS, Reason.GONE),
        ("StartContainer", FAILS, Reason.AGENT_ERROR),
        ("RemoveContainer", FAILS, Reason.AGENT_ERROR),
        ("ExecProcess", FAILS, Reason.AGENT_ERROR),
    ],
)
async def test_container_that_the_agent_lacks_is_gone_where_its_answer_says_so(
    clock: FakeClock, rpc: str, answer: StatusError, reason: Reason
) -> None:
    """With the codes of real agents, whose texts aren't looked at."""
    calls: dict[str, Callable[[KataAgent], Awaitable[object]]] = {
        "UpdateContainer": lambda agent: agent.update_container(CONTAINER, oci.LinuxResources()),
        "PauseContainer": lambda agent: agent.pause_container(CONTAINER),
        "ResumeContainer": lambda agent: agent.resume_container(CONTAINER),
        "StatsContainer": lambda agent: agent.stats_container(CONTAINER),
        "StartContainer": lambda agent: agent.start_container(CONTAINER),
        "RemoveContainer": lambda agent: agent.stop_container(CONTAINER),
        "ExecProcess": lambda agent: agent.exec(CONTAINER, Command(("ls",))),
    }
    async with scripted_agent(clock) as scripted:
        scripted.answers[f"grpc.AgentService/{rpc}"] = answer
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await calls[rpc](agent)

        assert (caught.value.reason, agent.alive) == (reason, True)
        await agent.aclose()


async def test_update_container_names_the_limit_that_cannot_be_sent(clock: FakeClock) -> None:
    resources = oci.LinuxResources(hugepage_limits=(oci.LinuxHugepageLimit("2MB", -1),))
    async with scripted_agent(clock) as scripted:
        with pytest.raises(ArgumentError) as caught:
            await agent_of(scripted, clock).update_container(CONTAINER, resources)

    assert caught.value.argument == "resources.hugepage_limits[0].limit_bytes"
    assert scripted.asked == []
