"""A container that the kernel kills for want of memory under a real containerd is counted, and stays."""

from collections.abc import Iterator
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
    OomSettings,
    Settings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import Pod
from kata_exporter.oom.journal import OomFilter
from promtool import check_metrics
from real_containerd import RealContainerd
from rig import ALONE, samples
from waiting import soon

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

WEB = Pod("shop", "web-0", "uid-1", "kata")
COUNTED_WITHIN_SECONDS = 2.0


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


def _settings(socket: Path, *sandboxes: StaticSandbox) -> Settings:
    return replace(
        ALONE,
        collection=CollectionSettings(interval_seconds=1.0),
        cri=CriSettings(endpoint=f"unix://{socket}"),
        containerd=ContainerdSettings(endpoint=f"unix://{socket}"),
        oom=OomSettings(),
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        sandboxes=sandboxes,
    )


async def test_a_container_over_its_limit_counts_within_2_s_and_stays_after_it_is_gone(
    containerd: RealContainerd, tmp_path: Path
) -> None:
    async with containerd.controlling() as control:
        pod = await control.run_pod(WEB)
        # No agent answers for this pod of runc's: what is counted here comes from the runtime alone.
        sandbox = StaticSandbox(pod, f"unix://{tmp_path}/none.sock", Pod(), ())
        exporter = Exporter(_settings(containerd.socket, sandbox), environ={})

        def counted() -> list[str]:
            return samples(exporter.render().decode(), "kata_container_oom_events_total")

        try:
            await exporter.start()
            await soon(lambda: samples(exporter.render().decode(), "kata_sandbox_oom_source"))
            eater = await control.run_container(
                pod, "app", ("tail", "/dev/zero"), memory_limit_bytes=64 << 20
            )
            await soon(lambda: list(exporter._oom.find(OomFilter(container="app"))))
            series = (
                f'kata_container_oom_events_total{{sandbox_id="{pod}",namespace="shop",'
                'pod="web-0",container="app"} 1'
            )
            await soon(lambda: counted() == [series])
            (record,) = exporter._oom.find(OomFilter(container="app"))
            assert SystemClock().time() - record.time <= COUNTED_WITHIN_SECONDS
            assert record.container_id == eater
            assert check_metrics(exporter.render()) == ""

            # CRI says the same of it, which counts nothing more; nor does another start of it.
            told = 'kata_exporter_oom_events_total{outcome="duplicate",source="cri"} 1.0'
            await soon(lambda: told in exporter.render().decode())
            await control.stop_pod(pod)
            await control.remove_pod(pod)
            assert counted() == [series]
        finally:
            await exporter.stop()
