"""A containerd that tests run leaves nothing behind, even where a test has failed halfway."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from cri_control import controlling
from grpc_client import grpc_let_go
from kata_exporter.model import Pod
from real_containerd import RealContainerd
from waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


async def test_nothing_is_left_of_pods_that_nobody_removed(containerd: RealContainerd) -> None:
    async with controlling(containerd.socket, containerd.cgroup_parent) as control:
        pod = await control.run_pod(Pod("shop", "web-0", "uid-1", "kata"))
        await control.run_container(pod, "app", ["tail", "-f", "/dev/null"])
    name, sockets = containerd.folder.name, containerd.shim_sockets()
    before = traces(name, sockets)

    containerd.remove()

    assert before.keys() == {"processes", "mounts", "cgroups", "folders", "sockets"}
    assert eventually(lambda: not traces(name, sockets))


def traces(name: str, sockets: Sequence[Path]) -> dict[str, list[str]]:
    """What there is on this machine of a containerd whose folder has that name."""
    found = {
        "processes": [line for line in commands() if f"/{name}/" in line],
        "mounts": [
            line for line in Path("/proc/self/mountinfo").read_text().splitlines() if name in line
        ],
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{name}")],
        "folders": [str(path) for path in Path("/tmp").glob(name)],
        "sockets": [str(path) for path in sockets if path.exists()],
    }
    return {what: left for what, left in found.items() if left}


def commands() -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            found.append(path.read_bytes().decode(errors="replace").replace("\0", " "))
    return found
