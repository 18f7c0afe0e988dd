"""A sandbox's whole life, over its socket, and what the host's side hears of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock, settle
from kata_exporter._pb import containerd_events_pb2, containerd_tasks_pb2, oci_pb2
from kata_exporter.model import ContainerState, DiscoveryEvent, SandboxGone
from kata_exporter.simulator import Fleet, SimulatedSandbox, Victim
from kata_exporter.sockets import AgentUrl
from kata_exporter.ttrpc import Code, ConnectionClosed, TtrpcError
from named_calls import NamedCalls, connected_calls, given_up
from waiting import soon

SIGKILL, SIGTERM = 9, 15
POWER_OFF_SECONDS = 0.1


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path, sandboxes=2, clock=clock, seed=1)
    await fleet.start()
    yield fleet
    await fleet.stop()
    assert clock.pending == 0


@pytest.fixture(params=[0, 1], ids=["at-once", "hybrid"])
def sandbox(fleet: Fleet, request: pytest.FixtureRequest) -> SimulatedSandbox:
    index: int = request.param
    return fleet.sandboxes[index]


@pytest_asyncio.fixture
async def calls(sandbox: SimulatedSandbox, clock: FakeClock) -> AsyncIterator[NamedCalls]:
    async with connected_calls(sandbox.agent_url, clock) as calls:
        yield calls


@pytest.fixture
def told(fleet: Fleet) -> list[DiscoveryEvent]:
    told: list[DiscoveryEvent] = []
    fleet.watch(told.append)
    told.clear()
    return told


@pytest.fixture
def topics(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Events of containerd as topic and container."""
    seen: list[tuple[str, str]] = []

    def note(envelope: containerd_events_pb2.Envelope) -> None:
        kind = envelope.event.type_url.rpartition(".")[2]
        message = getattr(containerd_tasks_pb2, kind).FromString(envelope.event.value)
        seen.append((envelope.topic, message.container_id))

    monkeypatch.setattr(fleet.host.events, "forward", note)
    return seen


async def test_the_whole_life_of_a_sandbox(
    sandbox: SimulatedSandbox, calls: NamedCalls, clock: FakeClock
) -> None:
    await calls("CreateSandbox", hostname="web-1", dns=["nameserver 10.0.0.2"], sandbox_id="demo")
    await calls.create("web", "sleep", "3600")
    await calls("StartContainer", container_id="web")

    # A process, its input, both of its streams, and its end.
    await calls.execute("web", "e1", "sh", "-c", "cat; env; echo err >&2; exit 3", Env=["A=1"])
    output = asyncio.create_task(calls.read_all("web", "e1"))
    errors = asyncio.create_task(calls.read_all("web", "e1", "ReadStderr"))
    assert (await calls("WriteStdin", container_id="web", exec_id="e1", data=b"in\n")).len == 3
    await calls("CloseStdin", container_id="web", exec_id="e1")
    assert (await output, await errors) == (b"in\nA=1\n", b"err\n")
    assert await calls.wait("web", "e1") == 3
    late = await calls.refused("WaitProcess", container_id="web", exec_id="e1")
    assert late == (Code.NOT_FOUND, "InvalidExecId")

    # Statistics, limits, pause.
    memory = oci_pb2.LinuxMemory(Limit=8 << 30)
    resources = oci_pb2.LinuxResources(Memory=memory)
    await calls("UpdateContainer", container_id="web", resources=resources)
    clock.advance(1)
    stats = (await calls("StatsContainer", container_id="web")).cgroup_stats
    assert stats.cpu_stats.cpu_usage.total_usage > 0
    assert stats.memory_stats.usage.limit == 8 << 30
    await calls("PauseContainer", container_id="web")
    await calls("ResumeContainer", container_id="web")

    # Signals, want of memory, and the end.
    await calls.execute("web", "e2", "/bin/server")
    waiters = [asyncio.create_task(calls.wait("web", "e2")) for _ in range(3)]
    await calls.asked()
    await calls("SignalProcess", container_id="web", exec_id="e2", signal=SIGTERM)
    assert await asyncio.gather(*waiters) == [143] * 3
    init = asyncio.create_task(calls.wait("web"))
    await calls.asked()
    sandbox.kill_for_memory("web", Victim.INIT)
    assert await init == 137
    await calls("RemoveContainer", container_id="web")
    assert (await calls.refused("StatsContainer", container_id="web"))[0] is Code.INVALID_ARGUMENT
    await calls("DestroySandbox")
    clock.advance(POWER_OFF_SECONDS)

    with pytest.raises(TtrpcError):
        await calls("ListRoutes")
    assert not Path(AgentUrl.parse(sandbox.agent_url).path).exists()


async def test_a_destroyed_sandbox_goes_and_all_hear_of_it_once(
    fleet: Fleet,
    sandbox: SimulatedSandbox,
    calls: NamedCalls,
    clock: FakeClock,
    told: list[DiscoveryEvent],
    topics: list[tuple[str, str]],
) -> None:
    await calls.run("web", "sleep", "3600")

    await calls("DestroySandbox")
    assert sandbox in fleet.sandboxes
    clock.advance(POWER_OFF_SECONDS)
    await soon(lambda: not Path(AgentUrl.parse(sandbox.agent_url).path).exists())

    assert sandbox.powered_off
    assert sandbox not in fleet.sandboxes
    pod = fleet.host.cri.pod(sandbox.id)
    assert pod is not None
    assert not pod.ready
    assert {c.state for c in sandbox.containers} == {ContainerState.EXITED}
    exits = [("/tasks/exit", id_) for id_ in (*(c.id for c in sandbox.containers), sandbox.id)]
    assert topics == exits
    assert [event for event in told if isinstance(event, SandboxGone)] == [told[-1]]

    await fleet.remove(sandbox)
    await fleet.remove(await fleet.add())

    assert [event for _, event in topics].count(sandbox.id) == 1
    assert [e.id for e in told if isinstance(e, SandboxGone)].count(sandbox.id) == 1
    assert fleet.host.cri.pod(sandbox.id) is None


async def test_who_watches_later_hears_nothing_of_a_destroyed_sandbox(
    fleet: Fleet, sandbox: SimulatedSandbox, calls: NamedCalls, clock: FakeClock
) -> None:
    await calls("DestroySandbox")
    clock.advance(POWER_OFF_SECONDS)
    await soon(lambda: sandbox.powered_off)

    heard: list[DiscoveryEvent] = []
    fleet.watch(heard.append)

    assert [event.id for event in heard] == [s.id for s in fleet.sandboxes] != [sandbox.id]


@pytest.mark.parametrize("turns", range(6))
async def test_a_fleet_that_stops_while_a_sandbox_powers_off_leaves_nothing(
    tmp_path: Path, fleet: Fleet, calls: NamedCalls, clock: FakeClock, turns: int
) -> None:
    await calls("DestroySandbox")
    clock.advance(POWER_OFF_SECONDS)
    await settle(turns)

    await fleet.stop()

    assert list(tmp_path.iterdir()) == []


async def test_a_fleet_that_stops_before_a_sandbox_has_powered_off_leaves_nothing(
    tmp_path: Path, fleet: Fleet, calls: NamedCalls, clock: FakeClock
) -> None:
    await calls("DestroySandbox")

    await fleet.stop()
    clock.advance(1)

    assert list(tmp_path.iterdir()) == []


async def test_a_destroyed_sandbox_that_boots_again_stays(
    sandbox: SimulatedSandbox, calls: NamedCalls, clock: FakeClock
) -> None:
    """Its pod has ended with its pause container, so no runtime would boot it; a VMM may."""
    await calls("DestroySandbox")
    sandbox.guest.restart()
    clock.advance(1)
    await settle()

    assert not sandbox.powered_off
    await calls("ListRoutes")


async def test_a_container_of_a_clients_own_is_nothing_to_the_container_runtime(
    fleet: Fleet,
    sandbox: SimulatedSandbox,
    calls: NamedCalls,
    told: list[DiscoveryEvent],
    topics: list[tuple[str, str]],
) -> None:
    before = fleet.host.cri.containers
    await calls.run("web", "false")
    await calls.run("worker", "/bin/server")
    await calls("RemoveContainer", container_id="web")

    assert fleet.host.cri.containers == before
    assert (told, topics) == ([], [])
    await sandbox.reboot()
    assert sandbox.guest.container_ids == (sandbox.id, *(c.id for c in sandbox.containers))


async def test_a_container_that_a_client_removed_exits_and_comes_back_when_it_is_restarted(
    fleet: Fleet, sandbox: SimulatedSandbox, calls: NamedCalls, topics: list[tuple[str, str]]
) -> None:
    first = sandbox.containers[0]
    await calls("RemoveContainer", container_id=first.id)
    assert topics == [("/tasks/exit", first.id)]
    exited = next(c for c in fleet.host.cri.containers if c.id == first.id)
    assert (exited.exit_code, exited.reason) == (137, "Error")
    # One of its id that a client makes isn't the container runtime's.
    await calls.run(first.id, "false")
    await calls("RemoveContainer", container_id=first.id)
    assert topics == [("/tasks/exit", first.id)]

    new = sandbox.restart_container(first.id)

    assert sandbox.guest.runs(new.id)
    await calls.execute(new.id, "e1", "true")
    assert await calls.wait(new.id, "e1") == 0


async def test_who_waits_for_a_container_that_the_fleet_restarts_gets_its_code(
    sandbox: SimulatedSandbox, calls: NamedCalls
) -> None:
    first = sandbox.containers[0]
    await calls.execute(first.id, "e1", "cat")
    waiter = asyncio.create_task(calls.wait(first.id))
    reader = asyncio.create_task(calls.read_all(first.id, "e1"))
    await calls.asked()

    sandbox.restart_container(first.id)

    assert await waiter == 0
    assert await reader == b""


async def test_with_its_pause_container_all_processes_of_a_sandbox_end(
    sandbox: SimulatedSandbox, calls: NamedCalls, topics: list[tuple[str, str]]
) -> None:
    ids = [c.id for c in sandbox.containers]
    waiters = [asyncio.create_task(calls.wait(id_)) for id_ in (*ids, sandbox.id)]
    await calls.asked()

    await calls("SignalProcess", container_id=sandbox.id, signal=SIGKILL)

    assert await asyncio.gather(*waiters) == [137] * len(waiters)
    assert topics == [("/tasks/exit", id_) for id_ in (*ids, sandbox.id)]


async def test_a_client_that_goes_while_it_waits_leaves_nothing(
    sandbox: SimulatedSandbox, calls: NamedCalls, clock: FakeClock
) -> None:
    """That no task is left is checked after each test."""
    container_id = sandbox.containers[0].id
    await calls.execute(container_id, "e1", "cat")
    async with connected_calls(sandbox.agent_url, clock) as gone:
        waiting = [
            asyncio.create_task(gone.wait(container_id, "e1")),
            asyncio.create_task(gone.read_all(container_id, "e1")),
            asyncio.create_task(gone("WriteStdin", container_id=container_id, data=bytes(1 << 17))),
        ]
        await gone.asked()
        await given_up(waiting[0])
    for task in waiting[1:]:
        with pytest.raises(ConnectionClosed):
            await task

    await calls("WriteStdin", container_id=container_id, exec_id="e1", data=b"x")
    await calls("CloseStdin", container_id=container_id, exec_id="e1")

    assert await calls.read_all(container_id, "e1") == b"x"
    assert await calls.wait(container_id, "e1") == 0


async def test_a_client_that_goes_while_it_waits_for_an_event_takes_none(
    fleet: Fleet, clock: FakeClock
) -> None:
    """One that waited on would get every second, and the shim would never learn of those."""
    sandbox = fleet.sandboxes[1]
    async with connected_calls(sandbox.agent_url, clock) as gone:
        event = asyncio.create_task(gone("GetOOMEvent"))
        await gone.asked()
    with pytest.raises(ConnectionClosed):
        await event
    async with connected_calls(sandbox.agent_url, clock):
        for container in sandbox.containers:
            sandbox.kill_for_memory(container.id, Victim.INIT)

    reasons = [c.reason for c in fleet.host.cri.containers if c.pod.id == sandbox.id]
    assert reasons == ["OOMKilled"] * 4


async def test_a_file_copied_in_pieces_is_whole_in_the_guest(
    sandbox: SimulatedSandbox, calls: NamedCalls
) -> None:
    path = "/run/kata-containers/shared/containers/app/config"
    data = bytes(range(256)) * (9 << 10)
    for offset in range(0, len(data), 1 << 20):
        await calls(
            "CopyFile",
            path=path,
            file_size=len(data),
            file_mode=0o100600,
            dir_mode=0o750,
            offset=offset,
            data=data[offset : offset + (1 << 20)],
        )

    assert sandbox.agent.system.files.read(path) == data
