"""An agent whose URL a shim announced is reached without a link, and only if its peer is trusted."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.config.settings import DiscoverySettings
from kata_exporter.model import Announcement, SandboxSeen, TellDiscovery
from kata_exporter.simulator import Fleet
from kata_exporter.sockets import AgentUrl
from rig import settings_for, states, up
from stranger import STRANGER_UID, needs_root, stranger
from waiting import soon


class Announced:
    """A source that tells of sandboxes whose shims announced their URLs below one root."""

    def __init__(self, sandboxes: Iterable[SandboxSeen], root: Path) -> None:
        self._sandboxes = [
            replace(seen, announced=Announcement(root=str(root))) for seen in sandboxes
        ]

    def watch(self, tell: TellDiscovery) -> None:
        for seen in self._sandboxes:
            tell(seen)

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def exporting(source: Announced, *peer_uids: int) -> AsyncIterator[Exporter]:
    discovery = DiscoverySettings(directories=(), peer_uids=peer_uids)
    settings = replace(settings_for([]), discovery=discovery)
    exporter = Exporter(settings, sources=[source], environ={})
    try:
        await exporter.start()
        yield exporter
    finally:
        await exporter.stop()


@asynccontextmanager
async def fleet_of(directory: Path, sandboxes: int) -> AsyncIterator[Fleet]:
    fleet = Fleet(directory, sandboxes=sandboxes, seed=1)
    await fleet.start()
    try:
        yield fleet
    finally:
        await fleet.stop()


async def test_agents_of_every_kind_are_asked(tmp_path: Path) -> None:
    async with fleet_of(tmp_path, 8) as fleet:
        source = Announced((s.seen() for s in fleet.sandboxes), tmp_path)
        async with exporting(source) as exporter:
            await soon(exporter.ready)
            page = exporter.render().decode()

        assert up(page) == {sandbox.id: "1" for sandbox in fleet.sandboxes}
        assert {AgentUrl.parse(s.agent_url).scheme for s in fleet.sandboxes} >= {"hvsock"}


async def test_h2_agent_behind_a_link_is_rejected_and_not_asked(tmp_path: Path) -> None:
    asked = list[object]()
    fleet = Fleet(tmp_path, sandboxes=1, seed=1, on_request=asked.append)
    await fleet.start()
    try:
        sandbox = fleet.sandboxes[0]
        folder = Path(AgentUrl.parse(sandbox.agent_url).path).parent
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
        async with exporting(Announced([sandbox.seen()], tmp_path)) as exporter:
            await soon(exporter.ready)
            assert states(exporter.render().decode()) == {sandbox.id: "rejected"}
        assert asked == []

        folder.unlink()
        (tmp_path / "elsewhere").rename(folder)
    finally:
        await fleet.stop()


@needs_root
@pytest.mark.parametrize("listed", [(), (STRANGER_UID,)])
async def test_h3_agent_of_another_user_is_asked_only_where_that_is_configured(
    tmp_path: Path, listed: tuple[int, ...]
) -> None:
    path = tmp_path / "id" / "agent.ttrpc"
    path.parent.mkdir()
    seen = SandboxSeen("directory", "demo-1", f"remote://{path}", "once")
    with stranger(path) as agent:
        async with exporting(Announced([seen], tmp_path), *listed) as exporter:
            await soon(exporter.ready)
            state = states(exporter.render().decode())["demo-1"]
        _, received_bytes = agent.count()

    assert state == ("timeout" if listed else "rejected")
    assert bool(received_bytes) == bool(listed)
