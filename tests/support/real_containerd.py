"""A containerd of its own for tests, with CRI, in a folder of its own: it leaves nothing behind.

Debian's packages containerd, runc and busybox-static; root is needed. Pods share the host's network,
so no CNI is. Its runtimes ``kata`` and ``runc`` are runc both: what CRI and the events tell of a pod
doesn't depend on what it runs in.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import grpc

from cri_control import CriControl, controlling
from grpc_client import connected, grpc_let_go
from kata_exporter._pb import cri_pb2
from pod_image import IMAGE, save_image
from waiting import eventually

_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "busybox": "busybox-static",
}
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_CGROUPS = Path("/sys/fs/cgroup")
_SHIM_SOCKETS = Path("/run/containerd/s")
"""Where every containerd 1.6 has them, whatever its state folder is."""

_CONFIG = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "{folder}/c.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{folder}/cni"
  conf_dir = "{folder}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  Root = "{folder}/runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
  Root = "{folder}/runc"
"""


def why_not() -> str:
    """Say why a containerd can't be run here; empty if it can."""
    if os.geteuid() != 0:
        return "a containerd that runs pods needs root"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    packages = sorted({_PROGRAMS[name] for name in missing})
    if missing:
        return f"{', '.join(missing)} not on PATH; Debian packages {', '.join(packages)}"
    return ""


class RealContainerd:
    """One containerd, which can be stopped and started again while its pods run on.

    Args:
        folder: its own, with a path so short that sockets fit.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "c.sock"
        self.cgroup_parent = f"/{folder.name}"
        self.log = folder / "log"
        self._config = folder / "config.toml"
        self._config.write_text(_CONFIG.format(folder=folder, image=IMAGE))
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it; `answered` says when it is there."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["containerd", "--config", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def answered(self) -> None:
        """Return once CRI answers."""
        service = cri_pb2.DESCRIPTOR.services_by_name["RuntimeService"]
        async with asyncio.timeout(_START_SECONDS):
            while True:
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text()
                async with connected(self.socket, service) as client:
                    with suppress(grpc.RpcError):
                        await client.call("Version", cri_pb2.VersionRequest())
                        return
                await asyncio.sleep(_POLL_SECONDS)

    def import_image(self) -> None:
        """Give it the image that its pods run."""
        busybox = shutil.which("busybox")
        assert busybox is not None
        archive = self.folder / "image.tar"
        save_image(Path(busybox), archive)
        subprocess.run(
            [
                *("ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import"),
                *("--snapshotter", "native", archive),
            ],
            check=True,
            capture_output=True,
        )

    def stop(self) -> None:
        """End it; its pods run on."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @asynccontextmanager
    async def controlling(self) -> AsyncIterator[CriControl]:
        """Drive it; every pod is removed at the end."""
        async with controlling(self.socket, self.cgroup_parent) as control:
            try:
                yield control
            finally:
                await control.remove_all()

    def shim_sockets(self) -> list[Path]:
        """Return where the shims of its pods listen, outside of its folder."""
        addresses = self.folder.glob("state/io.containerd.runtime.v2.task/*/*/address")
        return [Path(address.read_text().removeprefix("unix://")) for address in addresses]

    def remove(self) -> None:
        """End it with everything that it made, whatever state it is in; may be called again."""
        if not self.folder.exists():
            return
        sockets = self.shim_sockets()
        with ExitStack() as steps:  # the last first, each whether the ones before it failed or not
            steps.callback(shutil.rmtree, self.folder)
            steps.callback(_remove_sockets, sockets)
            steps.callback(_unmount_below, self.folder)
            steps.callback(eventually, self._remove_cgroups)
            steps.callback(self._kill_processes)
            steps.callback(self.stop)

    def _kill_processes(self) -> None:
        for pid in _shims(self.socket):
            _kill(pid)
        for cgroup in _cgroups(self.cgroup_parent):
            for number in (cgroup / "cgroup.procs").read_text().split():
                _kill(int(number))

    def _remove_cgroups(self) -> bool:
        for cgroup in _cgroups(self.cgroup_parent):
            with suppress(OSError):  # its processes are still on their way out
                cgroup.rmdir()
        return not _cgroups(self.cgroup_parent)


def running_containerd() -> Iterator[RealContainerd]:
    """Run a containerd with its image; the body of a fixture."""
    # Not pytest's: its paths are too long for sockets.
    containerd = RealContainerd(Path(tempfile.mkdtemp(prefix="ke-", dir="/tmp")))
    try:
        with grpc_let_go():
            containerd.launch()
            asyncio.run(containerd.answered())
        containerd.import_image()
        yield containerd
    finally:
        containerd.remove()


def _shims(socket: Path) -> list[int]:
    """Return the processes that were started with the address of a containerd's socket."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if str(socket).encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def _cgroups(parent: str) -> list[Path]:
    """Return a cgroup and those below it, in every hierarchy, the deepest first."""
    name = parent.lstrip("/")
    tops = [*_CGROUPS.glob(name), *_CGROUPS.glob(f"*/{name}")]
    return [
        folder
        for top in tops
        for folder in sorted((top, *top.rglob("*/")), key=lambda path: -len(path.parts))
    ]


def _unmount_below(folder: Path) -> None:
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        mounted = line.split()[4]
        if mounted.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", mounted], check=True)


def _remove_sockets(sockets: Iterable[Path]) -> None:
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for folder in (_SHIM_SOCKETS, _SHIM_SOCKETS.parent):
        with suppress(OSError):  # another containerd's are there, or this one made none
            folder.rmdir()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
