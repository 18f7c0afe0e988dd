"""The host of simulated sandboxes: its folders, and the container runtime that all of them share."""

import shutil
from pathlib import Path

from kata_exporter.clock import Clock
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcSocket

RUNTIME_SOCKET = Path("run/containerd/containerd.sock")
"""Relative to the host's root; CRI and events are both there, as on a real host."""

_FOLDERS = tuple(map(Path, ("run/vc/sbs", "run/vc/vm", "run/kata", "run/containerd")))


class SimulatedHost:
    """What is around sandboxes.

    Args:
        root: what would be ``/`` on a real host.
        clock: time for what happens there.
        serves_runtime: whether CRI and containerd's events are there for others, on a socket.
    """

    def __init__(self, root: Path, clock: Clock, *, serves_runtime: bool) -> None:
        self.root = root.absolute()
        self.cri = CriView(clock)
        self.events = SimulatedContainerdEvents(clock)
        self._is_ours = False
        self._runtime: GrpcSocket | None = None
        if serves_runtime:
            self._runtime = GrpcSocket(
                self.root / RUNTIME_SOCKET,
                [
                    SimulatedCri(self.cri).service,
                    self.events.service,
                    self.events.version_service,
                ],
            )

    @property
    def runtime_socket(self) -> Path | None:
        """Where CRI and containerd's events are served; None where they aren't."""
        return None if self._runtime is None else self.root / RUNTIME_SOCKET

    async def start(self) -> None:
        """Make the folders, and serve what is served.

        Raises:
            FileExistsError: ``run`` is there already, so it is somebody else's.
            OSError: a folder can't be made, or the socket can't be bound.
        """
        self._run.mkdir(parents=True)
        self._is_ours = True
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True)
        if self._runtime is not None:
            await self._runtime.start()

    async def stop(self) -> None:
        """Serve nothing, and remove ``run`` with all that is in it; may be called again."""
        try:
            if self._runtime is not None:
                await self._runtime.stop()
        finally:
            if self._is_ours:
                shutil.rmtree(self._run, ignore_errors=True)

    @property
    def _run(self) -> Path:
        return self.root / "run"
