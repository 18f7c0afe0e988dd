"""The page of an exporter whose sandbox is a pod of a real containerd, its agent being simulated."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grpc_client import grpc_let_go
from kata_exporter.app import Exporter
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import (
    CollectionSettings,
    ContainerdSettings,
    CriSettings,
    ListenAddress,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import Pod
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest
from kata_exporter.sockets import bind_unix
from promtool import check_metrics
from real_containerd import RealContainerd
from rig import ALONE, samples
from waiting import soon

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

EVENTS = "kata_exporter_containerd_events_total"
WEB = Pod("shop", "web-0", "uid-1", "kata")


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@asynccontextmanager
async def agent_of(path: Path, sandbox_id: str, *container_ids: str) -> AsyncIterator[None]:
    """Serve the agent of a guest that holds these containers."""
    clock = SystemClock()
    guest = SimulatedGuest(
        clock,
        sandbox_id=sandbox_id,
        container_ids=container_ids,
        cgroup=CgroupVersion.V2,
        seed=1,
    )
    agent = SimulatedAgent(guest, clock, version="4.1.0")
    await agent.server.serve(bind_unix(str(path)))
    try:
        yield
    finally:
        await agent.server.aclose()


@asynccontextmanager
async def exporting(sandbox: StaticSandbox, socket: Path) -> AsyncIterator[Exporter]:
    settings = replace(
        ALONE,
        collection=CollectionSettings(interval_seconds=1.0),
        cri=CriSettings(endpoint=f"unix://{socket}"),
        containerd=ContainerdSettings(endpoint=f"unix://{socket}"),
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        sandboxes=(sandbox,),
    )
    exporter = Exporter(settings, environ={})
    try:
        await exporter.start()
        yield exporter
    finally:
        await exporter.stop()


async def test_guest_and_container_series_bear_the_names_of_the_pod(
    containerd: RealContainerd, tmp_path: Path
) -> None:
    async with containerd.controlling() as control:
        pod = await control.run_pod(WEB)
        app = await control.run_container(pod, "app", ("tail", "-f", "/dev/null"))
        address = tmp_path / "agent.sock"
        sandbox = StaticSandbox(pod, f"unix://{address}", Pod(), ())
        async with agent_of(address, pod, app), exporting(sandbox, containerd.socket) as exporter:

            def found(name: str) -> list[str]:
                return samples(exporter.render().decode(), name)

            identity = f'sandbox_id="{pod}",namespace="shop",pod="web-0"'
            await soon(
                lambda: [line for line in found("kata_container_info") if f'id="{app}"' in line]
            )
            await soon(lambda: any(identity in line for line in found("kata_guest_load1")))

            (load,) = found("kata_guest_load1")
            (memory,) = found("kata_container_memory_usage_bytes")
            (info,) = found("kata_sandbox_info")
            assert load.startswith(f"kata_guest_load1{{{identity}}} ")
            assert memory.startswith(
                "kata_container_memory_usage_bytes"
                f'{{{identity},container="app",container_id="{app}"}} '
            )
            assert 'uid="uid-1"' in info
            assert 'runtime_handler="kata"' in info
            assert check_metrics(exporter.render()) == ""

            await control.kill_container(app)
            # containerd tells that it has ended, and CRI's listing shows it, long before its turn.
            await soon(lambda: found("kata_container_memory_usage_bytes") == [], within=8.0)
            assert any('topic="/tasks/exit"} 1.0' in line for line in found(EVENTS))
