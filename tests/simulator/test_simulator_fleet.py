"""A fleet on real sockets: all of it, or nothing of it, and what happens to its sandboxes."""

import asyncio
import errno
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from grpc_client import connected, grpc_let_go
from kata_exporter._pb import containerd_events_pb2, cri_pb2
from kata_exporter.agent import KataAgent
from kata_exporter.clock import SystemClock
from kata_exporter.config.load import load_settings
from kata_exporter.model import DiscoveryEvent, SandboxGone
from kata_exporter.simulator import Fleet, Kind, Profile
from kata_exporter.simulator.host.host import RUNTIME_SOCKET
from kata_exporter.sockets import AgentUrl, Dialer, bind_unix, connect_unix
from kata_exporter.telemetry.hooks import CallTarget
from waiting import soon


async def version(agent_url: str) -> str:
    url = AgentUrl.parse(agent_url)
    agent = KataAgent(
        Dialer().dial_url, str(url), target=CallTarget(url.address), clock=SystemClock()
    )
    try:
        return (await agent.version()).agent_version
    finally:
        await agent.aclose()


def sockets(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.is_socket())
    return sorted(str(path.relative_to(root)) for path in found)


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path, sandboxes=4)
    await fleet.start()
    yield fleet
    await fleet.stop()


async def test_every_agent_answers_half_of_them_over_hybrid_vsock(fleet: Fleet) -> None:
    answers = [await version(sandbox.agent_url) for sandbox in fleet.sandboxes]

    assert answers == ["4.1.0"] * 4
    schemes = [sandbox.agent_url.partition(":")[0] for sandbox in fleet.sandboxes]
    assert schemes == ["unix", "hvsock"] * 2


async def test_sockets_are_where_the_runtimes_put_them(tmp_path: Path, fleet: Fleet) -> None:
    del fleet
    assert sockets(tmp_path) == [
        "run/kata/demo-3/root/agent.ttrpc",
        "run/kata/demo-3/shim-monitor.sock",
        "run/kata/demo-4/root/kata.hvsock",
        "run/kata/demo-4/shim-monitor.sock",
        "run/vc/sbs/demo-1/shim-monitor.sock",
        "run/vc/sbs/demo-2/shim-monitor.sock",
        "run/vc/vm/demo-1/agent.ttrpc",
        "run/vc/vm/demo-2/clh.sock",
    ]


async def test_paths_longer_than_a_socket_address_work(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / ("deep" * 30) / ("deeper" * 20), sandboxes=2)
    await fleet.start()

    assert [await version(s.agent_url) for s in fleet.sandboxes] == ["4.1.0", "4.1.0"]
    await fleet.stop()


async def test_stopping_removes_all_that_it_made_and_may_be_repeated(
    tmp_path: Path, fleet: Fleet
) -> None:
    await fleet.stop()
    await fleet.stop()

    assert list(tmp_path.iterdir()) == []


async def test_a_host_that_is_there_already_is_left_as_it_is(tmp_path: Path, fleet: Fleet) -> None:
    before = sockets(tmp_path)
    second = Fleet(tmp_path, sandboxes=4)

    with pytest.raises(FileExistsError):
        await second.start()
    await second.stop()

    assert sockets(tmp_path) == before
    assert await version(fleet.sandboxes[0].agent_url) == "4.1.0"


async def test_a_fleet_that_cannot_bind_one_socket_binds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(path: str) -> socket.socket:
        if "demo-2" in path:
            raise OSError(errno.ENOSPC, "no room", path)
        return bind_unix(path)

    monkeypatch.setattr("kata_exporter.simulator.host.shim.bind_unix", bind)
    fleet = Fleet(tmp_path, sandboxes=4)

    with pytest.raises(OSError, match="no room"):
        await fleet.start()

    assert list(tmp_path.iterdir()) == []


async def test_a_successor_that_cannot_start_leaves_neither(
    tmp_path: Path, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str) -> socket.socket:
        raise OSError(errno.ENOSPC, "no room")

    old = fleet.sandboxes[0]
    monkeypatch.setattr("kata_exporter.simulator.host.shim.bind_unix", refuse)

    with pytest.raises(OSError, match="no room"):
        await fleet.replace(old)

    assert fleet.host.cri.pod(old.id) is None
    assert len(fleet.sandboxes) == 3
    assert not [name for name in sockets(tmp_path) if "demo-1/" in name or "demo-5/" in name]


async def test_a_folder_that_somebody_removed_is_no_reason_not_to_stop(
    tmp_path: Path, fleet: Fleet
) -> None:
    shutil.rmtree(tmp_path / "run")

    await fleet.stop()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("serves_runtime", [True, False])
def test_its_configuration_looks_at_its_host_and_nowhere_else(
    tmp_path: Path, *, serves_runtime: bool
) -> None:
    fleet = Fleet(tmp_path, sandboxes=5, clock=FakeClock(), serves_runtime=serves_runtime)
    fleet.write_config(tmp_path / "config.yaml", interval="7s")

    settings = load_settings(config_file=tmp_path / "config.yaml", environ={}, flags={})

    socket = f"unix://{tmp_path}/run/containerd/containerd.sock" if serves_runtime else "none"
    assert settings.collection.interval_seconds == 7.0
    assert settings.discovery.directories == (f"{tmp_path}/run/vc/sbs", f"{tmp_path}/run/kata")
    assert settings.discovery.agent_roots == (f"{tmp_path}/run/vc/vm", f"{tmp_path}/run/kata")
    assert (settings.cri.endpoint, settings.containerd.endpoint) == (socket, socket)
    assert settings.sandboxes == ()


def test_one_seed_gives_one_fleet(tmp_path: Path) -> None:
    first, second, other = (
        [s.seen() for s in Fleet(tmp_path, seed=seed, clock=FakeClock()).sandboxes]
        for seed in (1, 1, 2)
    )

    assert first == second
    assert first != other


def test_ids_and_urls_are_unique(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=50, clock=FakeClock()).sandboxes

    containers = [c.id for s in fleet for c in s.containers]
    assert len({s.id for s in fleet}) == len({s.agent_url for s in fleet}) == 50
    assert len(set(containers)) == len(containers)


def test_kinds_are_taken_in_turn(tmp_path: Path) -> None:
    kinds = (Kind(profile=Profile.IDLE), Kind(version="2.5.0", hybrid=False))
    fleet = Fleet(tmp_path, sandboxes=5, kinds=kinds, clock=FakeClock())

    assert [s.kind for s in fleet.sandboxes] == [*kinds, *kinds, kinds[0]]


async def test_an_agent_is_of_its_kinds_version(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1, kinds=[Kind(version="3.9.0")])
    await fleet.start()

    assert await version(fleet.sandboxes[0].agent_url) == "3.9.0"
    await fleet.stop()


async def test_stopping_ends_connections_that_are_open(fleet: Fleet) -> None:
    readers = []
    for sandbox in fleet.sandboxes:
        path = AgentUrl.parse(sandbox.agent_url).path
        readers.append(await asyncio.open_unix_connection(sock=await connect_unix(path)))

    await fleet.stop()

    for reader, writer in readers:
        assert await reader.read() == b""
        writer.close()


async def test_an_unknown_fault_is_refused(fleet: Fleet) -> None:
    with pytest.raises(KeyError):
        await fleet.sandboxes[0].suffer("no-such-fault")


async def test_who_watches_is_told_what_is_there_and_what_changes(fleet: Fleet) -> None:
    told: list[DiscoveryEvent] = []
    fleet.watch(told.append)
    assert told == [sandbox.seen() for sandbox in fleet.sandboxes]
    told.clear()

    added = await fleet.add()
    assert told == [added.seen()]
    told.clear()
    await fleet.remove(fleet.sandboxes[0])
    assert told == [SandboxGone("simulator", "demo-1")]
    told.clear()
    successor = await fleet.replace(fleet.sandboxes[0])
    assert told == [SandboxGone("simulator", "demo-2"), successor.seen()]
    await fleet.aclose()
    told.clear()

    await fleet.add()
    assert told == []


async def test_a_replaced_pod_keeps_its_name_and_is_another(fleet: Fleet) -> None:
    old = fleet.sandboxes[1]

    new = await fleet.replace(old)

    assert (new.pod.namespace, new.pod.name) == (old.pod.namespace, old.pod.name)
    assert new.pod.uid != old.pod.uid
    assert new.id == "demo-5"
    assert [c.name for c in new.containers] == [c.name for c in old.containers]
    assert not {c.id for c in new.containers} & {c.id for c in old.containers}
    assert await version(new.agent_url) == "4.1.0"
    pods = [(p.id, p.ready, p.attempt) for p in fleet.host.cri.pods if p.pod.name == new.pod.name]
    assert pods == [(old.id, False, 0), (new.id, True, 0)]


async def test_a_pod_that_lost_its_vm_is_the_same_in_its_next_attempt(fleet: Fleet) -> None:
    old = fleet.sandboxes[2]

    new = await fleet.replace(old, same_pod=True)
    newest = await fleet.replace(new, same_pod=True)

    assert newest.pod == old.pod
    pods = [(p.id, p.ready, p.attempt) for p in fleet.host.cri.pods if p.pod.name == old.pod.name]
    assert pods == [(new.id, False, 1), (newest.id, True, 2)]


async def test_attempts_of_containers_go_on_in_the_next_vm_of_their_pod(fleet: Fleet) -> None:
    old = fleet.sandboxes[0]
    for _ in range(3):
        old.restart_container(old.containers[-1].id)
    restarted = old.containers[-1].name

    new = await fleet.replace(old, same_pod=True)
    other_pod = await fleet.replace(fleet.sandboxes[0])

    attempts = {
        sandbox.id: {
            c.container.name: c.attempt for c in fleet.host.cri.containers if c.pod.id == sandbox.id
        }
        for sandbox in (new, other_pod)
    }
    assert attempts[new.id] == {c.name: 4 if c.name == restarted else 1 for c in new.containers}
    assert set(attempts[other_pod.id].values()) == {0}


async def test_a_removed_sandbox_leaves_nothing(tmp_path: Path, fleet: Fleet) -> None:
    sandbox = await fleet.replace(fleet.sandboxes[0])

    await fleet.remove(sandbox)

    assert sandbox.pod.name not in {pod.pod.name for pod in fleet.host.cri.pods}
    assert not [name for name in sockets(tmp_path) if "demo-1/" in name or "demo-5/" in name]
    assert sandbox not in fleet.sandboxes


@pytest.fixture
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.mark.usefixtures("_grpc")
async def test_the_runtimes_socket_has_cri_and_events(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=2, serves_runtime=True)
    await fleet.start()
    cri = cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"]
    events = containerd_events_pb2.DESCRIPTOR.services_by_name["Events"]
    async with connected(tmp_path / RUNTIME_SOCKET, cri) as client:
        listed = await client.call("ListPodSandbox", cri_pb2.ListPodSandboxRequest())
    async with connected(tmp_path / RUNTIME_SOCKET, events) as client:
        stream = client.stream("Subscribe", containerd_events_pb2.SubscribeRequest())
        await soon(lambda: fleet.host.events.subscribers)
        fleet.sandboxes[0].restart_container(fleet.sandboxes[0].containers[0].id)
        published: list[Any] = [await stream.read() for _ in range(2)]
        stream.cancel()
    await fleet.stop()

    assert [pod.id for pod in listed.items] == ["demo-1", "demo-2"]
    assert listed.items[0].runtime_handler == "kata-remote"
    assert [envelope.topic for envelope in published] == ["/tasks/exit", "/tasks/start"]
