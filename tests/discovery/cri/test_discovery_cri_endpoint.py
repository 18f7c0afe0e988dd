"""Which socket a setting means, and which of those that are known answers."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter.discovery.cri import cri_endpoint, resolve_endpoint
from kata_exporter.discovery.runtime import CRI_SOCKETS
from kata_exporter.errors import ConfigError
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcSocket


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.mark.parametrize(
    "text", ["unix:///run/crio/crio.sock", "unix:/run/crio/crio.sock", "/run/crio/crio.sock"]
)
async def test_a_socket_may_be_written_as_a_kubelet_and_crictl_take_it(
    text: str, clock: FakeClock
) -> None:
    assert await resolve_endpoint(text, clock=clock) == "unix:///run/crio/crio.sock"


async def test_none_is_off(clock: FakeClock) -> None:
    assert await resolve_endpoint("none", clock=clock) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not the path of a unix socket"),
        ("run/crio.sock", "not the path of a unix socket"),
        ("unix://run/crio.sock", "not the path of a unix socket"),
        ("tcp://127.0.0.1:1234", "not the path of a unix socket"),
        ("dns:///run/containerd.sock", "not the path of a unix socket"),
        ("AUTO", "not the path of a unix socket"),
        ("/run/\0", "NUL"),
        ("/run/\ud800", "name of a file"),
        (f"/run/{'x' * 200}.sock", "210 bytes in its path, and gRPC takes 107"),
    ],
)
def test_what_cannot_be_a_socket_is_refused_by_the_settings_name(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        cri_endpoint(text)
    assert str(caught.value).startswith("cri.endpoint ")


def test_auto_knows_the_sockets_of_the_usual_distributions() -> None:
    assert cri_endpoint("auto").paths == CRI_SOCKETS
    assert CRI_SOCKETS == (
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/k3s/containerd/containerd.sock",
        "/run/k0s/containerd.sock",
        "/var/snap/microk8s/common/run/containerd.sock",
    )


async def test_auto_means_none_while_no_socket_is_there(tmp_path: Path, clock: FakeClock) -> None:
    assert await resolve_endpoint("auto", clock=clock, sockets=[str(tmp_path / "c.sock")]) is None


async def test_auto_means_the_first_socket_that_answers_cri(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    no_socket = tmp_path / "file.sock"
    no_socket.touch()
    nobody_listens = tmp_path / "old.sock"
    with closing(socket.socket(socket.AF_UNIX)) as stale:
        stale.bind(str(nobody_listens))
    without_cri = GrpcSocket(
        tmp_path / "docker.sock", [SimulatedContainerdEvents(clock).version_service]
    )
    with_cri = GrpcSocket(tmp_path / "k3s.sock", [SimulatedCri(CriView(clock)).service])
    odd_name = tmp_path / "k3s %20#?.sock"
    odd_name.symlink_to(with_cri.path)
    also = GrpcSocket(tmp_path / "also.sock", [SimulatedCri(CriView(clock)).service])
    paths = [no_socket, nobody_listens, without_cri.path, odd_name, also.path]
    try:
        await without_cri.start()
        await also.start()
        await with_cri.start()

        found = await resolve_endpoint("auto", clock=clock, sockets=list(map(str, paths)))

        assert found == f"unix://{odd_name}"
    finally:
        for served in (without_cri, with_cri, also):
            await served.stop()
