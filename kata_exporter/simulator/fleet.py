"""A fleet of simulated sandboxes on real sockets, in a folder of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.model import Container, Pod
from kata_exporter.simulator.agent import PORT, OnRequest, SimulatedAgent
from kata_exporter.simulator.guest import SimulatedGuest
from kata_exporter.simulator.vmm import HybridVsock
from kata_exporter.simulator.wave import seeded
from kata_exporter.sockets import bind_unix

_NAMESPACES = ("shop", "search", "billing", "media")
_WORKLOADS = ("web", "api", "worker", "cache", "queue")
_CONTAINER_NAMES = ("app", "proxy", "logs", "metrics")


@dataclass(frozen=True, slots=True)
class SimulatedSandbox:
    """A sandbox of the fleet: what a host would know of it, and what is in it."""

    id: str
    agent_url: str
    pod: Pod
    containers: tuple[Container, ...]
    """Its workload; the pause container, whose id is the sandbox's own, is in the guest only."""
    guest: SimulatedGuest
    agent: SimulatedAgent


class Fleet:
    """Sandboxes whose agents answer, half of them on unix sockets, half on hybrid vsock.

    Args:
        directory: for the sockets; made if it isn't there.
        sandboxes: how many.
        seed: the same gives the same fleet.
        clock: time for the guests and for time-outs.
        on_request: is told of every request to any agent.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sandboxes: int = 20,
        seed: int = 0,
        clock: Clock | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock or SystemClock()
        self._sandboxes = tuple(
            self._sandbox(number, seed, on_request) for number in range(1, sandboxes + 1)
        )
        self._vmms: list[HybridVsock] = []
        self._paths: list[Path] = []

    @property
    def sandboxes(self) -> Sequence[SimulatedSandbox]:
        """Its sandboxes, by their numbers."""
        return self._sandboxes

    async def start(self) -> None:
        """Bind every socket, and answer on it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for sandbox in self._sandboxes:
            path = self._socket_path(sandbox.id)
            listener = bind_unix(str(path))
            self._paths.append(path)
            if sandbox.agent_url.startswith("hvsock:"):
                vmm = HybridVsock({PORT: sandbox.agent.server.attach})
                self._vmms.append(vmm)
                await vmm.serve(listener)
            else:
                await sandbox.agent.server.serve(listener)

    async def stop(self) -> None:
        """Close every connection and remove every socket; may be called again."""
        for vmm in self._vmms:
            await vmm.aclose()
        self._vmms.clear()
        for sandbox in self._sandboxes:
            await sandbox.agent.server.aclose()
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._paths.clear()

    def write_config(self, path: Path, *, interval: str = "5s") -> None:
        """Write the exporter's configuration for this fleet; `interval` as ``collection`` has it."""
        entries = [
            {
                "id": sandbox.id,
                "agent_url": sandbox.agent_url,
                "pod": {
                    "namespace": sandbox.pod.namespace,
                    "name": sandbox.pod.name,
                    "uid": sandbox.pod.uid,
                },
                "containers": [{"id": c.id, "name": c.name} for c in sandbox.containers],
            }
            for sandbox in self._sandboxes
        ]
        settings = {"collection": {"interval": interval}, "sandboxes": entries}
        path.write_text(yaml.safe_dump(settings, sort_keys=False))

    def _sandbox(self, number: int, seed: int, on_request: OnRequest | None) -> SimulatedSandbox:
        sandbox_id = f"demo-{number}"
        rng = seeded(seed, sandbox_id, "pod")
        containers = tuple(
            Container(f"{rng.getrandbits(256):064x}", name)
            for name in _CONTAINER_NAMES[: rng.randint(1, len(_CONTAINER_NAMES))]
        )
        guest = SimulatedGuest(
            self._clock, sandbox_id=sandbox_id, container_ids=[c.id for c in containers], seed=seed
        )
        path = self._socket_path(sandbox_id)
        return SimulatedSandbox(
            id=sandbox_id,
            agent_url=f"unix://{path}" if number % 2 else f"hvsock://{path}:{PORT}",
            pod=_pod(number, rng.getrandbits(128)),
            containers=containers,
            guest=guest,
            agent=SimulatedAgent(guest, self._clock, on_request=on_request),
        )

    def _socket_path(self, sandbox_id: str) -> Path:
        return self._directory.absolute() / f"{sandbox_id}.sock"


def _pod(number: int, bits: int) -> Pod:
    workload = _WORKLOADS[number % len(_WORKLOADS)]
    uid = f"{bits:032x}"
    return Pod(
        namespace=_NAMESPACES[number % len(_NAMESPACES)],
        name=f"{workload}-{number}",
        uid="-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:])),
    )
