"""``doctor`` on a node with a real containerd."""

import asyncio
from collections.abc import Iterator

import pytest

from doctor_run import doctor, found
from grpc_client import grpc_let_go
from kata_exporter.model import Pod
from real_containerd import RealContainerd

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


async def test_a_real_containerd_is_told_with_its_version_and_the_handlers_of_its_pods(
    containerd: RealContainerd,
) -> None:
    endpoints = [f"--{name}.endpoint=unix://{containerd.socket}" for name in ("cri", "containerd")]
    async with containerd.controlling() as control:
        await control.run_pod(Pod("shop", "web-0", "uid-1", "kata"))
        await control.run_pod(Pod("shop", "db-0", "uid-2", "runc"))
        ended = await asyncio.to_thread(doctor, "--json", "--discovery.directory=none", *endpoints)

    (cri,), (events,) = (found(ended)[check] for check in ("cri", "events"))
    assert (cri["verdict"], events["verdict"]) == ("ok", "ok")
    assert (cri["facts"]["name"], cri["facts"]["kata_pods"]) == ("containerd", 1)
    assert cri["facts"]["handlers"] == {"kata": 1, "runc": 1}
    assert events["summary"] == "containerd tells of containers' starts, exits and OOMs"
