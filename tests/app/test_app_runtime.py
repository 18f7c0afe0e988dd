"""The exporter on a node whose container runtime names its sandboxes, as on any Kubernetes node."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.config.load import load_settings
from kata_exporter.config.settings import ListenAddress, Settings, WebSettings
from kata_exporter.model import Sandbox
from kata_exporter.simulator import Fleet, SimulatedSandbox
from promtool import check_metrics
from rig import samples, states, up
from waiting import soon


class Node:
    """A fleet with its container runtime, and the exporter that finds it."""

    def __init__(self, fleet: Fleet, exporter: Exporter) -> None:
        self.fleet = fleet
        self.exporter = exporter

    def page(self) -> str:
        return self.exporter.render().decode()

    def of(self, metric: str, sandbox: SimulatedSandbox) -> list[str]:
        start = f'{metric}{{sandbox_id="{sandbox.id}",'
        return [line for line in samples(self.page(), metric) if line.startswith(start)]

    def named(self) -> dict[str, tuple[str, str]]:
        """Namespace and pod of each sandbox, as the page has them."""
        pattern = r'^kata_sandbox_up\{sandbox_id="(.+?)",namespace="(.*?)",pod="(.*?)"\} 1$'
        return {i: (n, p) for i, n, p in re.findall(pattern, self.page(), re.MULTILINE)}

    def all_named(self) -> bool:
        wanted = {s.id: (s.pod.namespace, s.pod.name) for s in self.fleet.sandboxes}
        return self.named() == wanted

    def is_stale(self) -> bool:
        return samples(self.page(), "kata_exporter_cri_stale") == ["kata_exporter_cri_stale 1.0"]

    async def runtime_away(self) -> None:
        assert self.fleet.host._runtime is not None
        await self.fleet.host._runtime.stop()

    async def runtime_back(self) -> None:
        assert self.fleet.host._runtime is not None
        await self.fleet.host._runtime.start()


def settings_of(fleet: Fleet, root: Path) -> Settings:
    config = root / "config.yaml"
    fleet.write_config(config, interval="1s")
    settings = load_settings(config_file=config, environ={}, flags={})
    return replace(
        settings,
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        cri=replace(settings.cri, pod_labels=("team",)),
    )


@asynccontextmanager
async def node_in(root: Path, sandboxes: int = 4) -> AsyncIterator[Node]:
    fleet = Fleet(root, sandboxes=sandboxes, seed=1, serves_runtime=True)
    await fleet.start()
    exporter = Exporter(settings_of(fleet, root), environ={})
    try:
        await exporter.start()
        yield Node(fleet, exporter)
    finally:
        await exporter.stop()
        await fleet.stop()


@pytest.mark.real
async def test_sandboxes_are_published_with_their_names_and_never_without(root: Path) -> None:
    async with node_in(root) as node:
        await soon(lambda: samples(node.page(), "kata_sandbox_up"))
        assert 'pod=""' not in node.page()
        await soon(node.all_named)
        await soon(node.exporter.ready)

        page = node.page()
        assert check_metrics(page.encode()) == ""
        assert len(samples(page, "kata_sandbox_labels")) == 4
        assert all('label_team="' in line for line in samples(page, "kata_sandbox_labels"))
        assert all('runtime_handler="kata-' in line for line in samples(page, "kata_sandbox_info"))
        assert 'kata_exporter_discovery_sandboxes{source="cri"} 4.0' in page
        sandbox = node.fleet.sandboxes[0]
        for container in sandbox.containers:
            assert any(
                f'container="{container.name}",container_id="{container.id}"' in line
                for line in node.of("kata_container_memory_usage_bytes", sandbox)
            )


async def test_a_container_that_restarts_is_another_and_its_old_series_end(root: Path) -> None:
    async with node_in(root, 1) as node:
        (sandbox,) = node.fleet.sandboxes
        old = sandbox.containers[0]
        cpu = "kata_container_cpu_usage_seconds_total"
        await soon(lambda: any(old.id in line for line in node.of(cpu, sandbox)))

        new = sandbox.restart_container(old.id)

        await soon(lambda: any(new.id in line for line in node.of(cpu, sandbox)))
        assert not any(old.id in line for line in node.of(cpu, sandbox))
        assert any(f'container="{new.name}"' in line for line in node.of(cpu, sandbox))


async def test_a_pod_of_the_same_name_is_another_sandbox_with_counters_of_its_own(
    root: Path,
) -> None:
    async with node_in(root, 2) as node:
        await soon(node.all_named)
        old = node.fleet.sandboxes[0]

        new = await node.fleet.replace(old)

        await soon(node.all_named)
        assert old.id not in node.page()
        assert node.named()[new.id] == (old.pod.namespace, old.pod.name)


async def test_fault_38_names_stay_while_the_runtime_is_away_and_it_is_found_again(
    root: Path,
) -> None:
    async with node_in(root) as node:
        await soon(node.all_named)

        await node.runtime_away()
        await soon(node.is_stale)
        assert node.all_named()
        assert up(node.page()) == dict.fromkeys((s.id for s in node.fleet.sandboxes), "1")

        new = await node.fleet.add()
        # For a name it waits five seconds, and then goes without.
        await soon(lambda: node.named().get(new.id) == ("", ""))

        await node.runtime_back()  # another socket, under the same path
        await soon(node.all_named)
        assert not node.is_stale()
        assert check_metrics(node.page().encode()) == ""
        assert not any('pod=""' in line for line in samples(node.page(), "kata_guest_load1"))


async def test_a_sandbox_is_listed_under_the_name_on_the_page_though_cri_lost_it(
    root: Path,
) -> None:
    async with node_in(root, 1) as node:
        await soon(node.all_named)
        (sandbox,) = node.fleet.sandboxes
        node.fleet.host.cri.remove_pod(sandbox.id)

        def listed() -> Sandbox:
            (one,) = node.exporter.listed_sandboxes()
            return one.sandbox

        await soon(lambda: "cri" not in listed().sources)
        assert listed().pod.name == sandbox.pod.name
        assert node.all_named()


async def test_a_sandbox_that_only_cri_sees_says_what_is_missing(root: Path) -> None:
    fleet = Fleet(root, sandboxes=1, seed=1, serves_runtime=True)
    await fleet.start()
    settings = settings_of(fleet, root)
    settings = replace(settings, discovery=replace(settings.discovery, directories=()))
    exporter = Exporter(settings, environ={})
    try:
        await exporter.start()
        await soon(lambda: states(exporter.render().decode()) == {"demo-1": "connect_failed"})
        (listed,) = exporter.listed_sandboxes()
        assert "mounted?" in listed.detail
    finally:
        await exporter.stop()
        await fleet.stop()
