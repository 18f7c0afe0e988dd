"""Containers that clients make in a simulated guest, and what becomes of them."""

import asyncio
from typing import Any

import pytest

from agent_rig import NO_CONTAINER, NO_CONTAINER_TO_CHANGE, AgentRig
from fake_clock import FakeClock, settle
from kata_exporter._pb import oci_pb2
from kata_exporter.simulator.agent.copied_files import SHARED_FOLDER
from kata_exporter.ttrpc import Code, StatusError
from named_calls import NamedCalls, given_up

SIGKILL, SIGTERM = 9, 15


@pytest.fixture
def rig(clock: FakeClock) -> AgentRig:
    return AgentRig(clock)


@pytest.fixture
def calls(rig: AgentRig) -> NamedCalls:
    return rig.calls


async def test_a_made_container_waits_for_its_start_and_then_runs(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.create("new", "sleep", "5")
    rig.clock.advance(10)
    created = await rig.stats("new")
    assert created.cpu_stats.cpu_usage.total_usage == 0
    assert created.pids_stats.current == 1
    assert created.memory_stats.usage.usage == 6 * 4096

    await calls("StartContainer", container_id="new")
    rig.clock.advance(4)
    running = await rig.stats("new")
    assert running.cpu_stats.cpu_usage.total_usage > 0
    assert running.memory_stats.usage.usage > created.memory_stats.usage.usage
    rig.clock.advance(1)

    assert rig.exits == [("new", 0)]
    assert not rig.guest.runs("new")
    assert (await rig.stats("new")).pids_stats.current == 0
    assert await calls.wait("new") == 0


async def test_all_that_was_there_before_can_be_waited_for(
    rig: AgentRig, calls: NamedCalls
) -> None:
    waiters = [asyncio.create_task(calls.wait(id_)) for id_ in ("demo-1", "c1", "c2")]
    await settle()

    for container_id in ("c2", "c1", "demo-1"):
        await rig.signal(container_id, SIGTERM)

    assert await asyncio.gather(*waiters) == [137] * 3
    assert rig.exits == [("c2", 137), ("c1", 137), ("demo-1", 137)]


@pytest.mark.parametrize("container_id", ["", "a", "-ab", "a/b", "c1"])
async def test_a_container_needs_an_id_of_its_own(calls: NamedCalls, container_id: str) -> None:
    spec = oci_pb2.Spec(
        Process=oci_pb2.Process(Args=["true"]), Root=oci_pb2.Root(), Linux=oci_pb2.Linux()
    )

    code, _ = await calls.refused("CreateContainer", container_id=container_id, OCI=spec)

    assert code is Code.INTERNAL


@pytest.mark.parametrize("lacking", ["OCI", "Process", "Root", "Linux", "Args"])
async def test_a_container_needs_the_whole_of_its_specification(
    rig: AgentRig, calls: NamedCalls, lacking: str
) -> None:
    spec = oci_pb2.Spec(
        Process=oci_pb2.Process(Args=["true"]), Root=oci_pb2.Root(), Linux=oci_pb2.Linux()
    )
    fields: dict[str, Any] = {"container_id": "new", "OCI": spec}
    match lacking:
        case "OCI":
            del fields["OCI"]
        case "Args":
            spec.Process.ClearField("Args")
        case "Process" | "Root" | "Linux":
            spec.ClearField(lacking)

    code, _ = await calls.refused("CreateContainer", **fields)

    assert code is Code.INTERNAL
    assert "new" not in rig.guest.container_ids
    await calls.create("new", "true")


async def test_a_guest_takes_so_many_containers_and_no_more(
    rig: AgentRig, calls: NamedCalls
) -> None:
    for number in range(3, 17):
        await calls.create(f"c{number}", "true")

    with pytest.raises(StatusError, match="16 containers at most"):
        await calls.create("c17", "true")

    assert (await calls.refused("StatsContainer", container_id="c17"))[0] is Code.INVALID_ARGUMENT
    assert len(rig.guest.container_ids) == 17
    for number in range(3, 17):
        await calls("StartContainer", container_id=f"c{number}")
    rig.clock.advance(60)
    state = rig.guest.state()
    assert sum(usage.memory.usage for usage in state.containers.values()) * 4096 < rig.guest.ram


async def test_a_container_starts_once_and_not_when_it_was_killed_before(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.run("new", "/bin/server")
    assert (await calls.refused("StartContainer", container_id="new"))[0] is Code.INTERNAL

    await calls.create("dead", "/bin/server")
    await rig.signal("dead", SIGTERM)

    assert (await calls.refused("StartContainer", container_id="dead"))[0] is Code.INTERNAL
    assert rig.exits == [("dead", 137)]


async def test_a_removed_container_is_gone_and_its_waiters_learn_no_code(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "cat")
    waiters = [asyncio.create_task(calls.refused("WaitProcess", container_id="c1"))]
    waiters.append(
        asyncio.create_task(calls.refused("WaitProcess", container_id="c1", exec_id="e1"))
    )
    reader = asyncio.create_task(calls.read_all("c1", "e1"))
    await settle()

    await calls("RemoveContainer", container_id="c1")

    assert await asyncio.gather(*waiters) == [NO_CONTAINER_TO_CHANGE] * 2
    assert await reader == b""
    assert rig.exits == [("c1", 137)]
    assert rig.guest.container_ids == ("demo-1", "c2")
    again = await calls.refused("RemoveContainer", container_id="c1")
    assert again == NO_CONTAINER_TO_CHANGE


async def test_a_waiter_gets_the_code_of_a_container_that_is_removed_after_its_exit(
    rig: AgentRig, calls: NamedCalls
) -> None:
    waiter = asyncio.create_task(calls.wait("c1"))
    await settle()

    await rig.signal("c1", SIGKILL)
    await calls("RemoveContainer", container_id="c1")

    assert await waiter == 137
    assert rig.exits == [("c1", 137)]


async def test_the_pause_container_can_be_removed_too(rig: AgentRig, calls: NamedCalls) -> None:
    await calls("RemoveContainer", container_id="demo-1")

    assert rig.exits == [("demo-1", 137)]
    refused = await calls.refused("StatsContainer", container_id="demo-1")
    assert refused == (Code.INVALID_ARGUMENT, '"invalid container id"')
    rig.guest.restart()
    await rig.stats("demo-1")


async def test_while_it_is_paused_a_container_does_nothing(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "sleep", "5")
    rig.clock.advance(4)
    await calls("PauseContainer", container_id="c1")
    before, others_before = await rig.stats("c1"), await rig.stats("c2")
    assert (await calls.refused("PauseContainer", container_id="c1"))[0] is Code.INTERNAL

    await calls.execute("c1", "e2", "echo", "a")
    rig.clock.advance(60)
    assert (await rig.stats("c1")).cpu_stats == before.cpu_stats
    assert (await rig.stats("c2")).cpu_stats != others_before.cpu_stats
    await calls("ResumeContainer", container_id="c1")

    assert await calls.wait("c1", "e1") == 0
    assert await calls.read_all("c1", "e2") == b"a\n"
    rig.clock.advance(1)
    after = (await rig.stats("c1")).cpu_stats.cpu_usage.total_usage
    passed = after - before.cpu_stats.cpu_usage.total_usage
    assert 0 < passed < 4e9  # a second's work, and not a minute's
    assert (await calls.refused("ResumeContainer", container_id="c1"))[0] is Code.INTERNAL


async def test_a_paused_container_can_be_killed_and_removed(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls("PauseContainer", container_id="c1")
    await rig.signal("c1", SIGTERM)
    await calls("PauseContainer", container_id="c2")

    await calls("RemoveContainer", container_id="c2")

    assert rig.exits == [("c1", 137), ("c2", 137)]


async def test_a_memory_limit_is_set_taken_away_and_refused_below_what_is_used(
    rig: AgentRig, calls: NamedCalls
) -> None:
    async def update(limit: int) -> int:
        memory = oci_pb2.LinuxMemory(Limit=limit)
        resources = oci_pb2.LinuxResources(Memory=memory)
        await calls("UpdateContainer", container_id="c1", resources=resources)
        return int((await rig.stats("c1")).memory_stats.usage.limit)

    assert await update(8 << 30) == 8 << 30
    assert await update(0) == 8 << 30
    assert await update(-1) == (1 << 64) - 1
    with pytest.raises(StatusError, match="EBUSY"):
        await update(4096)


async def test_a_peak_of_memory_stays_when_the_limit_changes(
    rig: AgentRig, calls: NamedCalls
) -> None:
    async def limit(limit: int) -> None:
        resources = oci_pb2.LinuxResources(Memory=oci_pb2.LinuxMemory(Limit=limit))
        await calls("UpdateContainer", container_id="c1", resources=resources)

    await limit(8 << 30)
    rig.agent.kill_for_memory("c1")
    await limit(4 << 30)

    assert (await rig.stats("c1")).memory_stats.usage.max_usage == 8 << 30


@pytest.mark.parametrize(
    ("method", "refusal"),
    [
        ("StartContainer", NO_CONTAINER_TO_CHANGE),
        ("RemoveContainer", NO_CONTAINER_TO_CHANGE),
        ("UpdateContainer", (Code.INVALID_ARGUMENT, '"invalid container id"')),
        ("PauseContainer", (Code.INVALID_ARGUMENT, '"invalid container id"')),
        ("ResumeContainer", (Code.INVALID_ARGUMENT, '"invalid container id"')),
        ("StatsContainer", (Code.INVALID_ARGUMENT, '"invalid container id"')),
        ("SignalProcess", NO_CONTAINER),
        ("WaitProcess", NO_CONTAINER),
        ("WriteStdin", (Code.INTERNAL, "InvalidContainerId")),
        ("CloseStdin", NO_CONTAINER),
        ("ReadStdout", NO_CONTAINER),
        ("ReadStderr", NO_CONTAINER),
        ("TtyWinResize", NO_CONTAINER),
    ],
)
async def test_a_container_that_is_not_there(
    calls: NamedCalls, method: str, refusal: tuple[Code, str]
) -> None:
    assert await calls.refused(method, container_id="none") == refusal


async def test_a_termination_message_is_what_is_in_the_mounted_file(calls: NamedCalls) -> None:
    path = f"{SHARED_FOLDER}/new-termination-log"
    await calls.create(
        "new",
        "true",
        Annotations={"io.kubernetes.container.terminationMessagePath": "/dev/log"},
        Mounts=[oci_pb2.Mount(destination="/dev/log", source=path)],
    )
    ask = {"log_type": "termination_log", "container_id": "new"}
    assert (await calls("GetDiagnosticData", **ask)).data == ""

    text = "\N{BLACK STAR}" * 2000
    data = text.encode()
    await calls("CopyFile", path=path, file_size=len(data), file_mode=0o100644, data=data)

    # Cut at 4096 bytes, in the middle of a character.
    assert (await calls("GetDiagnosticData", **ask)).data == text[
        :1365
    ] + "\N{REPLACEMENT CHARACTER}"
    other = await calls.refused("GetDiagnosticData", log_type="x", container_id="new")
    assert other[0] is Code.INVALID_ARGUMENT
    none = await calls.refused("GetDiagnosticData", log_type="termination_log", container_id="c1")
    assert none[0] is Code.INTERNAL


async def test_a_container_that_is_not_started_has_nobody_who_watches_its_memory(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.create("new", "/bin/server")
    rig.agent.kill_for_memory("new")

    waiter = asyncio.create_task(calls("GetOOMEvent"))
    await settle()
    assert not waiter.done()
    await given_up(waiter)


@pytest.mark.parametrize(("version", "answers"), [("3.31.0", False), ("3.32.0", True)])
async def test_a_second_oom_waiter_held_up_all_that_concerns_the_sandbox_before_3_32(
    clock: FakeClock, version: str, *, answers: bool
) -> None:
    calls = AgentRig(clock, version=version).calls
    waiters = [asyncio.create_task(calls("GetOOMEvent")) for _ in range(2)]
    await settle()

    routes = asyncio.create_task(calls("ListRoutes"))
    await settle()

    assert routes.done() is answers
    await calls("GetGuestDetails")
    for task in waiters:
        await given_up(task)
    await routes
