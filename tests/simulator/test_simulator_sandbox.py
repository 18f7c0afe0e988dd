"""What happens to one sandbox is the same to its guest, to CRI and to containerd's events."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter._pb import containerd_tasks_pb2
from kata_exporter.model import ContainerState, DiscoveryEvent, Runtime, SandboxSeen
from kata_exporter.simulator import CgroupVersion, Fleet, Kind, SimulatedSandbox, Victim
from kata_exporter.simulator.host.shim import ShimLayout
from kata_exporter.sockets import AgentUrl, connect_unix


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path, sandboxes=2, clock=clock, seed=1)
    await fleet.start()
    yield fleet
    await fleet.stop()


@pytest.fixture
def sandbox(fleet: Fleet) -> SimulatedSandbox:
    return fleet.sandboxes[0]


@pytest.fixture
def told(fleet: Fleet) -> list[DiscoveryEvent]:
    told: list[DiscoveryEvent] = []
    fleet.watch(told.append)
    told.clear()
    return told


class Topics:
    """Collects containerd's events as topic and container."""

    def __init__(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, str]] = []
        monkeypatch.setattr(fleet.host.events, "forward", self._note)

    def _note(self, envelope: object) -> None:
        event = envelope.event  # type: ignore[attr-defined]
        kind = event.type_url.rpartition(".")[2]
        message = getattr(containerd_tasks_pb2, kind).FromString(event.value)
        self.seen.append((envelope.topic, message.container_id))  # type: ignore[attr-defined]


@pytest.fixture
def topics(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Topics:
    return Topics(fleet, monkeypatch)


def states(fleet: Fleet, sandbox: SimulatedSandbox) -> list[tuple[str, str, int, int, str]]:
    return [
        (c.container.name, c.container.state, c.attempt, c.exit_code, c.reason)
        for c in fleet.host.cri.containers
        if c.pod.id == sandbox.id and c.container.name == sandbox.containers[0].name
    ]


async def test_its_containers_run_in_guest_and_cri(fleet: Fleet, sandbox: SimulatedSandbox) -> None:
    ids = [c.id for c in sandbox.containers]

    assert sandbox.guest.container_ids == (sandbox.id, *ids)
    assert [c.id for c in fleet.host.cri.containers if c.pod.id == sandbox.id] == ids
    assert {c.state for c in sandbox.containers} == {ContainerState.RUNNING}


async def test_a_source_of_discovery_sees_all_of_it(sandbox: SimulatedSandbox) -> None:
    seen = sandbox.seen()

    assert (seen.id, seen.agent_url, seen.runtime) == ("demo-1", sandbox.agent_url, Runtime.GO)
    assert seen.pod.runtime_handler == "kata-remote"
    assert seen.containers == sandbox.containers
    assert all(c.image.startswith("example.com/") for c in seen.containers)


async def test_a_restarted_container_is_another_with_the_same_name(
    fleet: Fleet, sandbox: SimulatedSandbox, told: list[DiscoveryEvent], topics: Topics
) -> None:
    *_, old = sandbox.containers

    new = sandbox.restart_container(old.id)

    assert (new.name, new.image, new.state) == (old.name, old.image, ContainerState.RUNNING)
    assert old.id not in sandbox.guest.container_ids
    assert sandbox.guest.runs(new.id)
    assert sandbox.containers[-1] == new
    listed = [(c.id, c.attempt) for c in fleet.host.cri.containers if c.container.name == new.name]
    assert (new.id, 1) in listed
    assert told[-1] == sandbox.seen()
    assert topics.seen == [("/tasks/exit", old.id), ("/tasks/start", new.id)]


async def test_a_kill_of_an_init_ends_the_container_for_want_of_memory(
    fleet: Fleet, sandbox: SimulatedSandbox, told: list[DiscoveryEvent], topics: Topics
) -> None:
    first = sandbox.containers[0]

    sandbox.kill_for_memory(first.id, Victim.INIT)

    assert topics.seen == [("/tasks/oom", first.id), ("/tasks/exit", first.id)]
    assert states(fleet, sandbox) == [(first.name, "exited", 0, 137, "OOMKilled")]
    assert not sandbox.guest.runs(first.id)
    (seen,) = told
    assert isinstance(seen, SandboxSeen)
    assert seen.containers[0].state is ContainerState.EXITED
    new = sandbox.restart_container(first.id)
    assert sandbox.guest.runs(new.id)


async def test_a_first_kill_that_a_cgroup_v1_watcher_misses_is_an_error_to_cri(
    tmp_path: Path, clock: FakeClock
) -> None:
    fleet = Fleet(tmp_path, sandboxes=1, clock=clock, kinds=[Kind(cgroup=CgroupVersion.V1)])
    await fleet.start()
    (sandbox,) = fleet.sandboxes

    sandbox.kill_for_memory(sandbox.containers[0].id, Victim.INIT)

    name = sandbox.containers[0].name
    assert states(fleet, sandbox) == [(name, "exited", 0, 137, "Error")]
    await fleet.stop()


async def test_a_kill_of_a_process_leaves_the_container_running(
    fleet: Fleet, sandbox: SimulatedSandbox, told: list[DiscoveryEvent], topics: Topics
) -> None:
    first = sandbox.containers[0]

    for _ in range(3):
        sandbox.kill_for_memory(first.id)
    sandbox.kill_for_memory()

    assert topics.seen == [("/tasks/oom", first.id)]
    assert sandbox.guest.state().vmstat["oom_kill"] == 4
    assert states(fleet, sandbox) == [(first.name, "running", 0, 0, "")]
    assert told == []


async def test_with_its_pause_container_all_others_end(
    fleet: Fleet, sandbox: SimulatedSandbox
) -> None:
    sandbox.kill_for_memory(sandbox.id, Victim.INIT)

    assert {c.state for c in sandbox.containers} == {ContainerState.EXITED}
    assert not any(sandbox.guest.runs(c.id) for c in sandbox.containers)
    pod = fleet.host.cri.pod(sandbox.id)
    assert pod is not None
    assert not pod.ready


async def test_a_reboot_ends_connections_and_begins_all_counters_anew(
    fleet: Fleet,
    sandbox: SimulatedSandbox,
    clock: FakeClock,
    told: list[DiscoveryEvent],
    topics: Topics,
) -> None:
    before = sandbox.guest.state()
    sandbox.kill_for_memory(sandbox.containers[0].id, Victim.INIT)
    ids = [c.id for c in sandbox.containers]
    path = AgentUrl.parse(sandbox.agent_url).path
    reader, writer = await asyncio.open_unix_connection(sock=await connect_unix(path))

    await sandbox.reboot()
    clock.advance(10)

    assert await reader.read() == b""
    writer.close()
    after = sandbox.guest.state()
    assert sandbox.guest.boots == 2
    assert after.boot_time > before.boot_time
    assert after.uptime == 10
    assert after.vmstat["oom_kill"] == 0
    assert {c.state for c in sandbox.containers} == {ContainerState.RUNNING}
    # The runtime, and who discovers, know of it by the containers.
    assert told[-1] == sandbox.seen()
    assert {c for topic, c in topics.seen if topic == "/tasks/exit"} == set(ids)
    assert {c for topic, c in topics.seen if topic == "/tasks/start"} == {
        c.id for c in sandbox.containers
    }
    ended = [c for c in fleet.host.cri.containers if c.id in ids]
    assert {c.exit_code for c in ended} == {137}
    sandbox.restart_container(sandbox.containers[0].id)
    assert states(fleet, sandbox)[0][-1] != "OOMKilled"


@pytest.mark.parametrize("how", ["pause", "stop"])
async def test_nothing_starts_in_a_sandbox_that_has_ended(
    how: str, fleet: Fleet, sandbox: SimulatedSandbox
) -> None:
    if how == "pause":
        sandbox.kill_for_memory(sandbox.id, Victim.INIT)
    else:
        await sandbox.stop()
    before = sandbox.containers

    with pytest.raises(ValueError, match="demo-1 has ended"):
        await sandbox.reboot()
    with pytest.raises(ValueError, match="demo-1 has ended"):
        sandbox.restart_container(sandbox.containers[0].id)

    assert sandbox.containers == before
    assert (await fleet.replace(sandbox)).guest.boots == 1


async def test_an_ended_sandbox_is_listed_as_not_ready_until_it_is_forgotten(
    fleet: Fleet, sandbox: SimulatedSandbox, topics: Topics
) -> None:
    await sandbox.stop()
    await sandbox.stop()

    pod = fleet.host.cri.pod(sandbox.id)
    assert pod is not None
    assert not pod.ready
    assert topics.seen == [
        *(("/tasks/exit", c.id) for c in sandbox.containers),
        ("/tasks/exit", sandbox.id),
    ]
    sandbox.forget()
    sandbox.forget()
    assert fleet.host.cri.pod(sandbox.id) is None
    assert not [c for c in fleet.host.cri.containers if c.pod.id == sandbox.id]


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("layout", list(ShimLayout))
async def test_its_shim_tells_its_address(
    tmp_path: Path, clock: FakeClock, layout: ShimLayout, *, hybrid: bool
) -> None:
    fleet = Fleet(tmp_path, sandboxes=1, clock=clock, kinds=[Kind(layout=layout, hybrid=hybrid)])
    await fleet.start()
    (sandbox,) = fleet.sandboxes
    reader, writer = await asyncio.open_unix_connection(
        sock=await connect_unix(str(sandbox.shim.path))
    )
    writer.write(b"GET /agent-url HTTP/1.0\r\n\r\n")

    *_, url = (await reader.read()).decode().splitlines()

    assert AgentUrl.parse(url).path == AgentUrl.parse(sandbox.agent_url).path
    writer.close()
    await fleet.stop()
