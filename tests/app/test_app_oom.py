"""OOMs from the kernel's kill to the page: on a simulated node with shims and a container runtime."""

import re
from functools import partial
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.config.settings import OomSettings
from kata_exporter.model import OomKind, VmmOomKilled
from kata_exporter.oom.evidence import TellVmmOomKilled
from kata_exporter.oom.journal import OomFilter
from kata_exporter.simulator import Fleet, Victim
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from oom_node import Node, node_in, settings_of
from promtool import check_metrics
from rig import samples
from waiting import soon


@pytest.mark.real
@pytest.mark.parametrize(("kills", "events"), [(1, 1), (2, 1), (4, 1)])
async def test_on_cgroup_v2_kills_give_one_event_and_the_guest_counts_all(
    root: Path, kills: int, events: int
) -> None:
    async with node_in(root) as node:
        await _assert_counted(node, kills, events)


@pytest.mark.parametrize(("kills", "events"), [(1, 0), (2, 1), (4, 3)])
async def test_on_cgroup_v1_the_first_kill_gives_none(root: Path, kills: int, events: int) -> None:
    async with node_in(root, cgroup=CgroupVersion.V1) as node:
        await _assert_counted(node, kills, events)


async def _assert_counted(node: Node, kills: int, events: int) -> None:
    name = node.sandbox.containers[0].name
    for _ in range(kills):
        node.sandbox.kill_for_memory(node.sandbox.containers[0].id)

    await soon(lambda: node.events(name) == str(events))
    await soon(lambda: node.guest_kills() == str(kills))
    if events:
        assert node.value("kata_container_last_oom_timestamp_seconds", f'container="{name}"')
    # The shim waits, and nobody takes its events away.
    assert "GetOOMEvent" not in {request.method for request in node.wire}
    assert check_metrics(node.page().encode()) == ""


def _is_one(node: Node, name: str, sandbox_id: str) -> bool:
    return node.events(name, sandbox_id) == "1"


async def test_two_containers_at_once_are_told_apart(root: Path) -> None:
    async with node_in(root, sandboxes=6) as node:
        sandbox = next(s for s in node.fleet.sandboxes if len(s.containers) > 1)
        first, second = sandbox.containers[:2]
        await soon(lambda: node.events(second.name, sandbox.id) == "0")
        for container in (first, second):
            sandbox.kill_for_memory(container.id)

        for container in (first, second):
            await soon(partial(_is_one, node, container.name, sandbox.id))
        assert sum(found.endswith(" 1") for found in node.all_events()) == 2


async def test_the_counter_adds_up_over_restarts_of_the_container(root: Path) -> None:
    async with node_in(root) as node:
        old = node.sandbox.containers[0]
        node.sandbox.kill_for_memory(old.id, Victim.INIT)
        await soon(lambda: node.events(old.name) == "1")
        new = node.sandbox.restart_container(old.id)
        await soon(lambda: new.id in node.page())
        node.sandbox.kill_for_memory(new.id, Victim.INIT)

        await soon(lambda: node.events(old.name) == "2")
        # CRI's status of either says OOMKilled as well, and counts nothing more.
        statuses = 'kata_exporter_oom_events_total{outcome="duplicate",source="cri"} 2.0'
        await soon(lambda: statuses in node.page())
        assert node.events(old.name) == "2"


async def test_a_counter_stays_after_the_sandbox_is_gone(root: Path) -> None:
    async with node_in(root) as node:
        sandbox, name = node.sandbox, node.sandbox.containers[0].name
        sandbox.kill_for_memory(sandbox.containers[0].id)
        await soon(lambda: node.events(name) == "1")
        await soon(lambda: node.guest_kills() == "1")
        await node.fleet.remove(sandbox)
        await soon(lambda: not samples(node.page(), "kata_sandbox_up"))

        assert node.events(name, sandbox.id) == "1"
        assert node.value("kata_guest_oom_kills_total", sandbox.id) == "1"
        assert not samples(node.page(), "kata_sandbox_oom_source")


async def test_what_happened_while_containerd_was_away_comes_from_cri(root: Path) -> None:
    async with node_in(root) as node:
        container = node.sandbox.containers[0]
        runtime = node.fleet.host._runtime
        assert runtime is not None
        await runtime.stop()
        node.sandbox.kill_for_memory(container.id, Victim.INIT)
        await runtime.start()

        await soon(lambda: node.events(container.name) == "1", within=25)
        source = node.value("kata_exporter_oom_events_total", 'outcome="counted"', 'source="cri"')
        assert source == "1.0"


async def test_the_sources_that_see_a_sandbox_are_told(root: Path) -> None:
    async with node_in(root) as node:
        found = re.findall(r'kata_sandbox_oom_source\{.*source="(\w+)"\} 1', node.page())

        assert sorted(found) == ["containerd", "cri", "vmstat"]
        assert 'kata_exporter_oom_source_up{source="containerd"} 1.0' in node.page()
        assert 'kata_exporter_oom_source_up{source="agent"} 0.0' in node.page()


async def test_off_counts_nothing(root: Path) -> None:
    fleet = Fleet(root, sandboxes=1, seed=1, serves_runtime=True)
    await fleet.start()
    exporter = Exporter(settings_of(fleet, root, OomSettings(source=())), environ={})
    try:
        await exporter.start()
        await soon(lambda: b"kata_guest_load1{" in exporter.render())
        sandbox = fleet.sandboxes[0]
        sandbox.kill_for_memory(sandbox.containers[0].id)
        await soon(lambda: b'source="containerd"} 1' in exporter.render())
        assert b"kata_container_oom_events_total{" not in exporter.render()
        assert b"kata_guest_oom_kills_total{" not in exporter.render()
    finally:
        await exporter.stop()
        await fleet.stop()


async def test_counters_go_on_after_a_restart_of_the_exporter(root: Path) -> None:
    oom = OomSettings(state_file=str(root / "oom.json"))
    async with node_in(root, oom=oom) as node:
        container = node.sandbox.containers[0]
        node.sandbox.kill_for_memory(container.id)
        await soon(lambda: node.events(container.name) == "1")
        settings = node.exporter._settings
        await node.exporter.stop()
        again = Exporter(settings, environ={})
        try:
            await again.start()
            restarted = Node(node.fleet, again, node.wire)
            await soon(lambda: samples(restarted.page(), "kata_sandbox_up"))

            assert restarted.events(container.name) == "1"
            assert not list(again._oom.find(OomFilter()))
        finally:
            await again.stop()


async def test_an_oom_is_in_the_journal_and_the_log_with_usage_and_limit(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with node_in(root) as node:
        container = node.sandbox.containers[0]
        node.sandbox.kill_for_memory(container.id)
        await soon(lambda: list(node.exporter._oom.find(OomFilter(kind=OomKind.REPORTED))))
        (record,) = node.exporter._oom.find(OomFilter(kind=OomKind.REPORTED))

        assert (record.container, record.pod.name) == (container.name, node.sandbox.pod.name)
        assert record.working_set_bytes
        lines = [r for r in caplog.records if r.message == "container ran out of memory"]
        assert len(lines) == 1
        assert lines[0].fields["container"] == container.name  # type: ignore[attr-defined]
        listed = node.exporter.listed_sandbox(node.sandbox.id)
        assert listed is not None
        assert listed.oom.reported[container.name] == 1


class KernelLog:
    """Evidence that the host's kernel killed the VMM of one sandbox."""

    def __init__(self, sandbox_id: str) -> None:
        self.sandbox_id = sandbox_id
        self.tell: TellVmmOomKilled | None = None
        self.closed = False

    def watch(self, tell: TellVmmOomKilled) -> None:
        self.tell = tell

    async def aclose(self) -> None:
        self.closed = True


async def test_a_vmm_that_the_host_killed_is_counted_by_whoever_has_the_evidence(
    root: Path,
) -> None:
    fleet = Fleet(root, sandboxes=1, seed=1, serves_runtime=True)
    await fleet.start()
    sandbox = fleet.sandboxes[0]
    evidence = KernelLog(sandbox.id)
    settings = settings_of(fleet, root, OomSettings())
    exporter = Exporter(settings, environ={}, vmm_evidence=evidence)
    try:
        await exporter.start()
        node = Node(fleet, exporter, [])
        await node.ready()
        assert not samples(node.page(), "kata_sandbox_vmm_oom_kills_total")
        assert evidence.tell is not None
        for _ in range(2):
            evidence.tell(VmmOomKilled("host", sandbox.id, 1_700_000_000_000_000_000))

        assert node.value("kata_sandbox_vmm_oom_kills_total", sandbox.id) == "1"
        assert list(exporter._oom.find(OomFilter(kind=OomKind.VMM)))
    finally:
        await exporter.stop()
        await fleet.stop()
    assert evidence.closed
