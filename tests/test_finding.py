"""What one source of discovery tells another: who has the container runtime listed at once."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter.config.settings import ContainerdSettings
from kata_exporter.discovery.directory import ResyncCause
from kata_exporter.finding import Finding
from kata_exporter.model import ContainerFinished, Pod, Registration, RuntimeEvent, Sandbox
from kata_exporter.registry import Registry
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcSocket
from kata_exporter.telemetry.selfmetrics import SelfMetrics
from rig import ALONE
from waiting import passes, soon, take_step

AT_ONCE_SECONDS = 2.0
"""Less than the ten seconds after which CRI is listed anyway."""


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


class Node:
    """A runtime that tells of nothing through CRI, as containerd 1.7, and whoever finds its pods."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.view = CriView(clock)
        self.containerd = SimulatedContainerdEvents(clock, namespace="pods")
        cri = SimulatedCri(self.view, runtime_version="1.7.20", has_events=False)
        self.runtime = GrpcSocket(
            folder / "c.sock",
            [cri.service, self.containerd.service, self.containerd.version_service],
        )
        endpoint = f"unix://{self.runtime.path}"
        self.registry = Registry([])
        self.happened: list[RuntimeEvent] = []
        self.finished: list[ContainerFinished] = []
        self.finding = Finding(
            replace(
                ALONE,
                cri=replace(ALONE.cri, endpoint=endpoint),
                containerd=ContainerdSettings(endpoint, namespace="pods"),
            ),
            self.registry,
            clock=clock,
            self_metrics=SelfMetrics([], resync_causes=ResyncCause),
            tell_happened=self.happened.append,
            tell_finished=self.finished.append,
        )

    async def passes(self, look: Callable[[], object], *, within: float) -> None:
        """Move time on until `look` is true; fail after `within`."""
        await passes(self.clock, look, within=within)

    def box(self) -> Sandbox | None:
        return self.registry.sandbox("box-1")


@pytest_asyncio.fixture
async def node(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[Node]:
    """A node that has been listed twice, and so isn't listed again for a while."""
    del no_task_left  # asked for so that its check comes after this server's end
    node = Node(tmp_path, clock)
    await node.runtime.start()
    try:
        node.view.add_pod("first-1", Pod("shop", "web-0", "uid-1", "kata"))
        node.finding.watch()
        await soon(lambda: node.containerd.subscribers == 1)
        await node.passes(node.registry.sandboxes, within=AT_ONCE_SECONDS)
        for _ in range(12):
            await take_step(clock)
        yield node
    finally:
        await node.finding.aclose()
        await node.runtime.stop()


async def test_an_event_of_containerd_has_cri_listed_at_once(node: Node) -> None:
    node.view.add_pod("box-1", Pod("shop", "web-1", "uid-2", "kata"))

    node.containerd.started("box-1", 7)

    await node.passes(node.box, within=AT_ONCE_SECONDS)


async def test_a_sandbox_of_another_source_is_named_at_once_whatever_its_handler(
    node: Node,
) -> None:
    node.view.add_pod("box-1", Pod("shop", "web-1", "uid-2", "runc"))

    node.finding.registrations.register(Registration("box-1", "unix:///run/box.sock"), 60.0)

    await node.passes(lambda: (box := node.box()) and box.pod.name, within=AT_ONCE_SECONDS)


async def test_what_another_source_loses_is_no_longer_named_if_its_handler_is_no_katas(
    node: Node,
) -> None:
    node.view.add_pod("box-1", Pod("shop", "web-1", "uid-2", "runc"))
    registrations = node.finding.registrations
    registrations.register(Registration("box-1", "unix:///run/box.sock"), 60.0)
    await node.passes(lambda: (box := node.box()) and box.pod.name, within=AT_ONCE_SECONDS)

    registrations.remove("box-1")

    # Until the next listing CRI sees it still.
    await node.passes(lambda: node.box() is None, within=11.0)
