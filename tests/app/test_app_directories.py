"""The exporter finds a fleet's sandboxes by itself, by the sockets of their shims."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.config.settings import DiscoverySettings, Settings
from kata_exporter.simulator import Fleet
from promtool import check_metrics
from rig import samples, settings_for, states, up
from waiting import soon

SBS, KATA = Path("run/vc/sbs"), Path("run/kata")


def settings_of(root: Path) -> Settings:
    """Settings that name the root's directories, and no sandbox."""
    discovery = DiscoverySettings(
        directories=(str(root / SBS), str(root / KATA)),
        agent_roots=(str(root / "run/vc/vm"), str(root / KATA)),
    )
    return replace(settings_for([]), discovery=discovery)


@asynccontextmanager
async def exporting(root: Path) -> AsyncIterator[Exporter]:
    exporter = Exporter(settings_of(root), environ={})
    try:
        await exporter.start()
        yield exporter
    finally:
        await exporter.stop()


@asynccontextmanager
async def fleet_in(root: Path, sandboxes: int = 8) -> AsyncIterator[Fleet]:
    fleet = Fleet(root, sandboxes=sandboxes, seed=1)
    await fleet.start()
    try:
        yield fleet
    finally:
        await fleet.stop()


def page(exporter: Exporter) -> str:
    return exporter.render().decode()


def all_up(exporter: Exporter, fleet: Fleet) -> bool:
    return up(page(exporter)) == {sandbox.id: "1" for sandbox in fleet.sandboxes}


@pytest.mark.real
async def test_the_sandboxes_of_both_runtimes_are_found_and_asked(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet, exporting(tmp_path) as exporter:
        await soon(exporter.ready)

        found = page(exporter)

        assert all_up(exporter, fleet)
        assert len(samples(found, "kata_guest_load1")) == 8
        runtimes = re.findall(r'^kata_sandbox_info\{.*runtime="(\w+)"', found, re.MULTILINE)
        assert sorted(runtimes) == ["go"] * 4 + ["rust"] * 4
        assert samples(found, "kata_exporter_discovery_sandboxes") == [
            'kata_exporter_discovery_sandboxes{source="static"} 0.0',
            'kata_exporter_discovery_sandboxes{source="registration"} 0.0',
            f'kata_exporter_discovery_sandboxes{{source="directory:{tmp_path / SBS}"}} 4.0',
            f'kata_exporter_discovery_sandboxes{{source="directory:{tmp_path / KATA}"}} 4.0',
        ]
        assert 'shim_requests_total{result="ok"} 8.0' in found
        assert check_metrics(found.encode()) == ""


async def test_a_sandbox_that_is_removed_leaves_the_page_within_a_second(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet, exporting(tmp_path) as exporter:
        await soon(exporter.ready)
        for gone in fleet.sandboxes[:2], fleet.sandboxes[2:4]:
            for sandbox in gone:
                await fleet.remove(sandbox)

            await soon(lambda: len(up(page(exporter))) == len(fleet.sandboxes), within=1.0)

            assert not any(f'"{sandbox.id}"' in page(exporter) for sandbox in gone)
        assert all_up(exporter, fleet)


async def known(exporter: Exporter, sandboxes: int) -> None:
    """Show that so many sandboxes are known within a second."""
    await soon(lambda: len(up(page(exporter))) == sandboxes, within=1.0)


async def test_a_sandbox_that_is_added_is_known_within_a_second(tmp_path: Path) -> None:
    async with fleet_in(tmp_path, 0) as fleet, exporting(tmp_path) as exporter:
        for n in range(1, 5):
            await fleet.add()
            await known(exporter, n)

        await soon(lambda: all_up(exporter, fleet))


async def test_directories_that_come_late_and_come_again_are_no_trouble(tmp_path: Path) -> None:
    root = tmp_path / "host"
    async with exporting(root) as exporter:
        for _ in range(2):
            assert up(page(exporter)) == {}
            assert set(present(exporter)) == {"0.0"}

            async with fleet_in(root, 4):
                await known(exporter, 4)
                await soon(lambda: set(up(page(exporter)).values()) == {"1"})
                assert set(present(exporter)) == {"1.0"}
            await soon(lambda: not up(page(exporter)), within=1.0)
            await soon(lambda: set(present(exporter)) == {"0.0"}, within=1.0)


def present(exporter: Exporter) -> list[str]:
    lines = samples(page(exporter), "kata_exporter_discovery_directory_present")
    return [line.rpartition(" ")[2] for line in lines]


async def test_a_shim_that_hangs_says_why_and_is_heard_when_it_answers(tmp_path: Path) -> None:
    async with fleet_in(tmp_path, 2) as fleet:
        late, _ = fleet.sandboxes
        late.shim.hang = True
        async with exporting(tmp_path) as exporter:
            assert states(page(exporter))[late.id] == "pending"
            await soon(lambda: states(page(exporter))[late.id] == "timeout", within=5.0)

            late.shim.hang = False

            await soon(lambda: all_up(exporter, fleet), within=5.0)


async def test_one_round_asks_what_is_found(tmp_path: Path) -> None:
    async with fleet_in(tmp_path, 4):
        exporter = Exporter(settings_of(tmp_path), environ={})
        try:
            await exporter.collect_once()

            assert exporter.summary().up == 4
        finally:
            await exporter.stop()


async def test_a_node_without_kata_is_told_what_was_looked_for_and_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with exporting(tmp_path):
        pass

    (line,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "mount it into the container" in line.getMessage()
    assert line.__dict__["fields"] == {"looked_for": f"{tmp_path / SBS}, {tmp_path / KATA}"}


async def test_a_directory_without_sandboxes_is_nothing_to_warn_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / KATA).mkdir(parents=True)

    async with exporting(tmp_path):
        pass

    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []
    (line,) = [r for r in caplog.records if r.getMessage() == "looking for sandboxes"]
    assert line.__dict__["fields"] == {
        "directories": f"{tmp_path / SBS} (absent), {tmp_path / KATA} (inotify)",
        "cri": "none",
        "containerd": "none",
    }
