"""A simulated node with shims and a container runtime, and the exporter that finds it and counts OOMs."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kata_exporter.app import Exporter
from kata_exporter.config.load import load_settings
from kata_exporter.config.settings import ListenAddress, OomSettings, Settings, WebSettings
from kata_exporter.simulator import Fleet, Kind, SimulatedSandbox
from kata_exporter.simulator.agent.versions import NEWEST
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.ttrpc import ServerRequest
from rig import samples
from waiting import soon


class Node:
    """A fleet with its container runtime, and the exporter that finds it."""

    def __init__(self, fleet: Fleet, exporter: Exporter, wire: list[ServerRequest]) -> None:
        self.fleet = fleet
        self.exporter = exporter
        self.wire = wire

    @property
    def sandbox(self) -> SimulatedSandbox:
        return self.fleet.sandboxes[0]

    def page(self) -> str:
        return self.exporter.render().decode()

    def value(self, metric: str, *texts: str) -> str | None:
        """The value of the one sample of a metric with these texts among its labels."""
        found = [line for line in samples(self.page(), metric) if all(t in line for t in texts)]
        assert len(found) <= 1, found
        return found[0].split()[-1] if found else None

    def events(self, name: str, sandbox_id: str = "") -> str | None:
        of = f'container="{name}"', sandbox_id
        return self.value("kata_container_oom_events_total", *of)

    def all_events(self) -> list[str]:
        return samples(self.page(), "kata_container_oom_events_total")

    def guest_kills(self) -> str | None:
        return self.value("kata_guest_oom_kills_total", self.sandbox.id)

    def outcomes(self, source: str) -> dict[str, int]:
        """What became of what a source told, by outcome; those that are 0 left out."""
        pattern = rf'_oom_events_total\{{outcome="(\w+)",source="{source}"\}} ([0-9.]+)$'
        found = re.findall(pattern, self.page(), re.MULTILINE)
        return {outcome: int(float(count)) for outcome, count in found if float(count)}

    def asked(self, method: str) -> int:
        """How often agents were asked for a method."""
        return sum(request.method == method for request in self.wire)

    async def ready(self) -> None:
        """Return when counters are 0, for somebody sees them."""
        name = self.sandbox.containers[0].name
        await soon(lambda: self.events(name, self.sandbox.id) == "0")
        await soon(lambda: self.guest_kills() is not None)


def settings_of(fleet: Fleet, root: Path, oom: OomSettings) -> Settings:
    config = root / "config.yaml"
    fleet.write_config(config, interval="1s")
    settings = load_settings(config_file=config, environ={}, flags={})
    return replace(settings, web=WebSettings((ListenAddress("127.0.0.1", 0),)), oom=oom)


@asynccontextmanager
async def node_in(
    root: Path,
    *,
    cgroup: CgroupVersion = CgroupVersion.V2,
    sandboxes: int = 1,
    version: str = str(NEWEST),
    oom: OomSettings = OomSettings(),  # noqa: B008  frozen
) -> AsyncIterator[Node]:
    wire: list[ServerRequest] = []
    fleet = Fleet(
        root,
        sandboxes=sandboxes,
        seed=1,
        serves_runtime=True,
        on_request=wire.append,
        kinds=(Kind(cgroup=cgroup, version=version),),
    )
    await fleet.start()
    exporter = Exporter(settings_of(fleet, root, oom), environ={})
    try:
        await exporter.start()
        node = Node(fleet, exporter, wire)
        await node.ready()
        yield node
    finally:
        await exporter.stop()
        await fleet.stop()
