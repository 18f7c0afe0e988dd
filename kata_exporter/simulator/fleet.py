"""A fleet of simulated sandboxes on real sockets, in a folder of its own."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.model import Container, Pod
from kata_exporter.simulator.agent.agent import OnRequest, SimulatedAgent
from kata_exporter.simulator.agent.door import Door
from kata_exporter.simulator.faults import Fault, make_fault
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.simulator.guest.wave import seeded

_NAMESPACES = ("shop", "search", "billing", "media")
_WORKLOADS = ("web", "api", "worker", "cache", "queue")
_CONTAINER_NAMES = ("app", "proxy", "logs", "metrics")


class SimulatedSandbox:
    """A sandbox of the fleet: what a host would know of it, and what is in it.

    Args:
        sandbox_id: also the id of its pause container, which is in the guest only.
        pod: whose it is.
        containers: its workload.
        guest: the VM.
        agent: in the VM.
        clock: for faults that wait.
        path: of the agent's socket.
        hybrid: whether that is a VMM's hybrid vsock socket.
    """

    def __init__(
        self,
        sandbox_id: str,
        *,
        pod: Pod,
        containers: tuple[Container, ...],
        guest: SimulatedGuest,
        agent: SimulatedAgent,
        clock: Clock,
        path: Path,
        hybrid: bool,
    ) -> None:
        self.id = sandbox_id
        self.pod = pod
        self.containers = containers
        self.guest = guest
        self.agent = agent
        self._clock = clock
        self._door = Door(path, agent.server.attach, lambda: agent.fault, hybrid=hybrid)

    @property
    def agent_url(self) -> str:
        """Where its agent is reached."""
        return self._door.url

    async def start(self) -> None:
        """Let clients in.

        Raises:
            OSError: the socket can't be bound.
        """
        self._door.open()

    async def stop(self) -> None:
        """Remove the socket and end every connection; may be started again."""
        await self._door.close()

    async def suffer(self, fault: str | Fault | None) -> None:
        """Switch on a fault, by its name in `FAULTS` or as it is, or switch it off with None.

        Connections that are open are ended where the fault is one of the socket.

        Raises:
            KeyError: there is no fault of that name.
        """
        if fault is None:
            fault = Fault()
        elif isinstance(fault, str):
            fault = make_fault(fault, self._clock)
        before = self.agent.fault
        self.agent.suffer(fault)
        if not (before.keeps_connections and fault.keeps_connections):
            await self._door.drop()


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

    @property
    def sandboxes(self) -> Sequence[SimulatedSandbox]:
        """Its sandboxes, by their numbers."""
        return self._sandboxes

    async def start(self) -> None:
        """Bind every socket, and answer on it; if one can't be bound, none is.

        Raises:
            OSError: a socket can't be bound.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            for sandbox in self._sandboxes:
                await sandbox.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every connection and remove every socket; may be called again."""
        for sandbox in self._sandboxes:
            await sandbox.stop()

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
        return SimulatedSandbox(
            sandbox_id,
            pod=_pod(number, rng.getrandbits(128)),
            containers=containers,
            guest=guest,
            agent=SimulatedAgent(guest, self._clock, on_request=on_request),
            clock=self._clock,
            path=self._directory.absolute() / f"{sandbox_id}.sock",
            hybrid=number % 2 == 0,
        )


def _pod(number: int, bits: int) -> Pod:
    workload = _WORKLOADS[number % len(_WORKLOADS)]
    uid = f"{bits:032x}"
    return Pod(
        namespace=_NAMESPACES[number % len(_NAMESPACES)],
        name=f"{workload}-{number}",
        uid="-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:])),
    )
