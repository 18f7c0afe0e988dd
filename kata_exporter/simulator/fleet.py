"""A fleet of simulated sandboxes on one simulated host, in a folder of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import yaml

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.model import Container, DiscoveryEvent, Pod, TellDiscovery
from kata_exporter.simulator.agent.agent import OnRequest
from kata_exporter.simulator.guest.wave import seeded
from kata_exporter.simulator.host.host import SimulatedHost
from kata_exporter.simulator.host.shim import ShimLayout
from kata_exporter.simulator.kinds import EVERY_WAY, VM_FOLDERS, Kind
from kata_exporter.simulator.sandbox import SimulatedSandbox, Site

_NAMESPACES = ("shop", "search", "billing", "media")
_WORKLOADS = ("web", "api", "worker", "cache", "queue")
_CONTAINER_NAMES = ("app", "proxy", "logs", "metrics")


class Fleet:
    """Sandboxes whose agents answer; a source of discovery by itself.

    Args:
        directory: the host's root, made if it isn't there; sockets are where runtimes put them.
        sandboxes: how many there are at the start.
        seed: the same gives the same fleet.
        kinds: of the sandboxes, in turn.
        clock: time for the guests and for time-outs.
        on_request: is told of every request to any agent.
        serves_runtime: whether CRI and containerd's events are on a socket, for other processes.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sandboxes: int = 20,
        seed: int = 0,
        kinds: Sequence[Kind] = EVERY_WAY,
        clock: Clock | None = None,
        on_request: OnRequest | None = None,
        serves_runtime: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._kinds = tuple(kinds)
        self._next_number = 1
        self._listener: TellDiscovery | None = None
        self._succeeded: dict[str, SimulatedSandbox] = {}
        self._open: list[SimulatedSandbox] = []
        """Those that may hold sockets: begun, and not ended whole."""
        self.host = SimulatedHost(directory, self._clock, serves_runtime=serves_runtime)
        self._site = Site(self.host, self._clock, seed, self._tell, on_request)
        self._sandboxes = [self._make() for _ in range(sandboxes)]

    @property
    def sandboxes(self) -> Sequence[SimulatedSandbox]:
        """Those that run, or will once it is started, by their numbers; none that has powered off."""
        return tuple(sandbox for sandbox in self._sandboxes if not sandbox.powered_off)

    @property
    def ended(self) -> Sequence[SimulatedSandbox]:
        """Those that have ended of their own accord: a kubelet would replace each."""
        return tuple(sandbox for sandbox in self._sandboxes if not sandbox.ready)

    async def start(self) -> None:
        """Bind every socket, and answer on it; if one can't be bound, none is.

        A fleet is started once.

        Raises:
            FileExistsError: there is a ``run`` below its root already.
            OSError: a socket can't be bound.
        """
        try:
            await self.host.start()
            for sandbox in self._sandboxes:
                await self._begin(sandbox)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every connection and remove every socket; may be called again."""
        for sandbox in tuple(self._open):
            await self._end(sandbox)
        await self.host.stop()

    async def add(self) -> SimulatedSandbox:
        """Run another pod's sandbox, and return it.

        Raises:
            OSError: as `start`.
        """
        sandbox = self._make()
        await self._begin(sandbox)
        self._sandboxes.append(sandbox)
        return sandbox

    async def remove(self, sandbox: SimulatedSandbox) -> None:
        """End a sandbox, and have the container runtime forget it."""
        self._sandboxes.remove(sandbox)
        await self._end(sandbox)
        self._forget_before(sandbox)
        sandbox.forget()

    async def replace(
        self, sandbox: SimulatedSandbox, *, same_pod: bool = False
    ) -> SimulatedSandbox:
        """End a sandbox, run one of the same namespace and pod name, and return that.

        With `same_pod`, the pod has lost its VM and gets another; without, it is another pod of
        that name, as a StatefulSet makes one. Either way the container runtime lists the old one,
        as not ready, until the new one goes.

        Raises:
            OSError: as `start`; the old one has ended then, and is forgotten.
        """
        new = self._make(sandbox, same_pod=same_pod)
        self._sandboxes.remove(sandbox)
        await self._end(sandbox)
        self._forget_before(sandbox)
        try:
            await self._begin(new, after=sandbox)
        except OSError:
            sandbox.forget()
            raise
        self._sandboxes.append(new)
        self._succeeded[new.id] = sandbox
        return new

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of every sandbox that is there, at once, and from then on of what changes."""
        self._listener = tell
        for sandbox in self.sandboxes:
            tell(sandbox.seen())

    async def aclose(self) -> None:
        """Tell of nothing more; the fleet goes on."""
        self._listener = None

    def write_config(self, path: Path, *, interval: str = "5s") -> None:
        """Write the configuration of an exporter that is to find this fleet, as on a node.

        Of the machine that the fleet runs on nothing is looked at. `interval` as ``collection`` has
        it.
        """
        runtime = self.host.runtime_socket
        endpoint = "none" if runtime is None else f"unix://{runtime}"
        root = self.host.root
        settings = {
            "collection": {"interval": interval},
            "discovery": {
                "directories": [str(root / layout.folder) for layout in ShimLayout],
                "agent_roots": [str(root / folder) for folder in VM_FOLDERS],
            },
            "cri": {"endpoint": endpoint},
            "containerd": {"endpoint": endpoint},
        }
        path.write_text(yaml.safe_dump(settings, sort_keys=False))

    async def _begin(
        self, sandbox: SimulatedSandbox, *, after: SimulatedSandbox | None = None
    ) -> None:
        self._open.append(sandbox)
        await sandbox.start(after=after)

    async def _end(self, sandbox: SimulatedSandbox) -> None:
        await sandbox.stop()
        self._open.remove(sandbox)

    def _forget_before(self, sandbox: SimulatedSandbox) -> None:
        before = self._succeeded.pop(sandbox.id, None)
        if before is not None:
            before.forget()

    def _make(
        self, before: SimulatedSandbox | None = None, *, same_pod: bool = False
    ) -> SimulatedSandbox:
        number, self._next_number = self._next_number, self._next_number + 1
        rng = seeded(self._site.seed, f"demo-{number}", "pod")
        names = _CONTAINER_NAMES[: rng.randint(1, len(_CONTAINER_NAMES))]
        if before is None:
            kind, attempt = self._kinds[(number - 1) % len(self._kinds)], 0
            pod = _pod(number, _uid(rng), kind)
            containers = tuple(Container("", name, _image(pod, name)) for name in names)
        else:
            kind, attempt = before.kind, before.attempt + 1 if same_pod else 0
            pod = before.pod if same_pod else replace(before.pod, uid=_uid(rng))
            containers = before.containers
        return SimulatedSandbox(
            number,
            self._site,
            kind=kind,
            pod=pod,
            containers=containers,
            attempt=attempt,
            container_attempts=before.container_attempts if before and same_pod else None,
        )

    def _tell(self, event: DiscoveryEvent) -> None:
        if self._listener is not None:
            self._listener(event)


def _pod(number: int, uid: str, kind: Kind) -> Pod:
    workload = _WORKLOADS[number % len(_WORKLOADS)]
    namespace = _NAMESPACES[number % len(_NAMESPACES)]
    return Pod(
        namespace=namespace,
        name=f"{workload}-{number}",
        uid=uid,
        runtime_handler=kind.runtime_handler,
        labels={"app": workload, "team": namespace},
    )


def _uid(rng: Random) -> str:
    uid = f"{rng.getrandbits(128):032x}"
    return "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:]))


def _image(pod: Pod, container: str) -> str:
    return f"example.com/{pod.namespace}/{container}:1.0"
