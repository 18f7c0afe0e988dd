"""A fleet on real sockets: all of it, or nothing of it."""

import asyncio
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.agent import KataAgent
from kata_exporter.clock import SystemClock
from kata_exporter.config.load import load_settings
from kata_exporter.simulator import Fleet
from kata_exporter.sockets import AgentUrl, Dialer, connect_unix
from kata_exporter.telemetry.hooks import CallTarget


async def version(agent_url: str) -> str:
    url = AgentUrl.parse(agent_url)
    agent = KataAgent(Dialer().dial(url), target=CallTarget(url.address), clock=SystemClock())
    try:
        return (await agent.version()).agent_version
    finally:
        await agent.aclose()


async def test_every_agent_answers_half_of_them_over_hybrid_vsock(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=6)
    await fleet.start()

    answers = [await version(sandbox.agent_url) for sandbox in fleet.sandboxes]

    assert answers == ["4.1.0"] * 6
    schemes = [sandbox.agent_url.partition(":")[0] for sandbox in fleet.sandboxes]
    assert schemes == ["unix", "hvsock"] * 3
    await fleet.stop()


async def test_paths_longer_than_a_socket_address_work(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / ("deep" * 30) / ("deeper" * 20), sandboxes=2)
    await fleet.start()

    assert [await version(s.agent_url) for s in fleet.sandboxes] == ["4.1.0", "4.1.0"]
    await fleet.stop()


async def test_stopping_removes_every_socket_and_may_be_repeated(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=3)
    await fleet.start()
    assert len(list(tmp_path.iterdir())) == 3

    await fleet.stop()
    await fleet.stop()

    assert list(tmp_path.iterdir()) == []


async def test_a_fleet_that_cannot_bind_one_socket_binds_none(tmp_path: Path) -> None:
    (tmp_path / "demo-2.sock").write_text("somebody else's")
    fleet = Fleet(tmp_path, sandboxes=3)

    with pytest.raises(OSError, match="Address already in use"):
        await fleet.start()

    assert [path.name for path in tmp_path.iterdir()] == ["demo-2.sock"]


def test_its_configuration_is_the_fleet(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path / "sockets", sandboxes=5, clock=FakeClock())
    fleet.write_config(tmp_path / "config.yaml", interval="7s")

    settings = load_settings(config_file=tmp_path / "config.yaml", environ={}, flags={})

    assert settings.collection.interval_seconds == 7.0
    assert [(s.id, s.agent_url, s.pod, s.containers) for s in settings.sandboxes] == [
        (s.id, s.agent_url, s.pod, s.containers) for s in fleet.sandboxes
    ]


def test_one_seed_gives_one_fleet(tmp_path: Path) -> None:
    first, second, other = (
        [
            (s.id, s.pod, s.containers)
            for s in Fleet(tmp_path, seed=seed, clock=FakeClock()).sandboxes
        ]
        for seed in (1, 1, 2)
    )

    assert first == second
    assert first != other


def test_ids_and_urls_are_unique(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=50, clock=FakeClock()).sandboxes

    containers = [c.id for s in fleet for c in s.containers]
    assert len({s.id for s in fleet}) == len({s.agent_url for s in fleet}) == 50
    assert len(set(containers)) == len(containers)


async def test_stopping_ends_connections_that_are_open(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=2)
    await fleet.start()
    readers = []
    for sandbox in fleet.sandboxes:
        path = AgentUrl.parse(sandbox.agent_url).path
        readers.append(await asyncio.open_unix_connection(sock=await connect_unix(path)))

    await fleet.stop()

    for reader, writer in readers:
        assert await reader.read() == b""
        writer.close()


async def test_an_unknown_fault_is_refused(tmp_path: Path) -> None:
    (sandbox,) = Fleet(tmp_path, sandboxes=1, clock=FakeClock()).sandboxes

    with pytest.raises(KeyError):
        await sandbox.suffer("no-such-fault")
