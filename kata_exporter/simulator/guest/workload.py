"""The containers of a simulated guest: those that are there, and what the gone ones have used.

A container's counters begin anew with it; those of the guest don't, so what a container has used
by the time it goes stays in the guest's sums. All sums are of whole numbers, so that a container's
going changes none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf
from random import Random

from kata_exporter.simulator.guest.containers import ContainerUsage, Habits, SimulatedContainer
from kata_exporter.simulator.guest.cpu import LOAD_SECONDS
from kata_exporter.simulator.guest.profiles import Traits
from kata_exporter.simulator.guest.units import MIB

MOST_CONTAINERS = 4
"""That a guest is made with, beside the pause container."""
MOST_AT_ONCE = 16
"""That it may come to have, likewise; the more there are, the less is left for another."""

_PAUSE_HABITS = Habits(cores=0.0002, memory=1.6 * MIB, pids=1, limited=False)
_PAUSE_STARTED, _WORKLOAD_STARTED = 1.0, 2.0
"""Seconds from the guest's boot; the workload's containers follow a second apart."""


@dataclass(frozen=True, slots=True)
class WorkTotals:
    """What containers have done since the guest's boot, the gone ones included."""

    user_us: int = 0
    system_us: int = 0
    page_faults: int = 0
    major_page_faults: int = 0
    read_bytes: int = 0
    written_bytes: int = 0

    def plus(self, usage: ContainerUsage) -> "WorkTotals":
        """Return them with a container's own."""
        return WorkTotals(
            self.user_us + usage.user_us,
            self.system_us + usage.system_us,
            self.page_faults + usage.page_faults,
            self.major_page_faults + usage.major_page_faults,
            self.read_bytes + usage.read_bytes,
            self.written_bytes + usage.written_bytes,
        )


@dataclass(frozen=True, slots=True)
class _Gone:
    """What gone containers left: their totals, and by time constant the load, as it was `at`."""

    totals: WorkTotals = field(default_factory=WorkTotals)
    load: Mapping[float, float] = field(default_factory=dict)
    at: float = 0.0

    def load_at(self, uptime: float, constant: float) -> float:
        return self.load.get(constant, 0.0) * exp((self.at - uptime) / constant)


class Workload:
    """Containers, the pause container first.

    Args:
        rng: what their peculiarities are drawn from.
        sandbox_id: the pause container's id.
        container_ids: the others', 1 to 4.
        cpus: processors that they share.
        ram: bytes that they share.
        traits: what they do.

    Raises:
        ValueError: there are no containers, or more than 4, or two of one id.
    """

    def __init__(
        self,
        rng: Random,
        sandbox_id: str,
        container_ids: Sequence[str],
        *,
        cpus: int,
        ram: int,
        traits: Traits,
    ) -> None:
        if not 1 <= len(container_ids) <= MOST_CONTAINERS:
            raise ValueError(f"a guest has 1 to 4 containers, not {len(container_ids)}")
        if len({sandbox_id, *container_ids}) <= len(container_ids):
            raise ValueError("the ids of a guest's containers and its own are all different")
        self._rng = rng
        self._traits = traits
        self._most_cores = cpus * traits.cores.high
        self._most_memory = ram * traits.memory.high
        self._sandbox_id = sandbox_id
        self._gone = _Gone()
        pause = SimulatedContainer(sandbox_id, rng, _PAUSE_HABITS, started=_PAUSE_STARTED)
        self._containers = {sandbox_id: pause}
        cores, memory = cpus * traits.cores.draw(rng), ram * traits.memory.draw(rng)
        weights = [rng.uniform(0.5, 1.5) for _ in container_ids]
        for index, (container_id, weight) in enumerate(zip(container_ids, weights, strict=True)):
            share = weight / sum(weights)
            habits = self._habits(cores * share, memory * share)
            started = _WORKLOAD_STARTED + index
            self._containers[container_id] = SimulatedContainer(
                container_id, rng, habits, started=started
            )

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the containers that aren't removed, the pause container's first."""
        return tuple(self._containers)

    def get(self, container_id: str) -> SimulatedContainer:
        """Return a container.

        Raises:
            KeyError: there is no such container.
        """
        return self._containers[container_id]

    def at(
        self, uptime: float, cpu_shares: Sequence[float]
    ) -> tuple[dict[str, ContainerUsage], WorkTotals]:
        """Return what each container shows, and what all have done.

        Args:
            uptime: seconds since the guest's boot, not before the last change here.
            cpu_shares: how work spreads over the guest's processors.
        """
        usages = {
            container_id: container.at(uptime, cpu_shares)
            for container_id, container in self._containers.items()
        }
        totals = self._gone.totals
        for usage in usages.values():
            totals = totals.plus(usage)
        return usages, totals

    def load(self, uptime: float, constant: float) -> float:
        """Return the cores that containers use, damped over `constant` seconds."""
        present = sum(container.load(uptime, constant) for container in self._containers.values())
        return present + self._gone.load_at(uptime, constant)

    def add(self, container_id: str, uptime: float, *, started: bool) -> None:
        """Make another container, with half of what the others leave of the guest, and start it.

        Raises:
            ValueError: there are 16 already, or one of this id.
        """
        if len(self._containers) > MOST_AT_ONCE:
            raise ValueError(f"a guest has {MOST_AT_ONCE} containers at most: remove one first")
        self._check_new(container_id)
        others = [c.habits for c in self._containers.values() if c.id != self._sandbox_id]
        cores = self._most_cores - sum(habits.cores for habits in others)
        memory = self._most_memory - sum(habits.memory for habits in others)
        self._containers[container_id] = SimulatedContainer(
            container_id,
            self._rng,
            self._habits(cores / 2, memory / 2),
            started=uptime if started else inf,
        )

    def remove(self, container_id: str, uptime: float) -> SimulatedContainer:
        """Remove a container, running or exited, and return it.

        Raises:
            KeyError: there is no such container.
            ValueError: it is the pause container, which goes with the guest alone.
        """
        if container_id == self._sandbox_id:
            raise ValueError("the pause container is there as long as its guest")
        container = self._containers.pop(container_id)
        # Its share of each processor's time isn't kept: the guest's sums have none.
        self._gone = _Gone(
            self._gone.totals.plus(container.at(uptime, ())),
            {
                constant: self._gone.load_at(uptime, constant) + container.load(uptime, constant)
                for constant in LOAD_SECONDS.values()
            },
            uptime,
        )
        return container

    def restart(self, container_id: str, new_id: str, uptime: float) -> None:
        """Let a container be followed by another of the same habits.

        Raises:
            KeyError: there is no such container.
            ValueError: it is the pause container, or there is one of the new id.
        """
        self._check_new(new_id)
        self._containers[new_id] = self.remove(container_id, uptime).reborn(new_id, uptime)

    def boot(self) -> None:
        """Start all containers anew, as part of their guest's boot."""
        self._gone = _Gone()
        pause, *others = self._containers.values()
        self._containers = {pause.id: pause.reborn(pause.id, _PAUSE_STARTED)}
        for index, container in enumerate(others):
            started = _WORKLOAD_STARTED + index
            self._containers[container.id] = container.reborn(container.id, started)

    def _check_new(self, container_id: str) -> None:
        if container_id in self._containers:
            raise ValueError(f"there is a container {container_id!r} already")

    def _habits(self, cores: float, memory: float) -> Habits:
        rng, traits = self._rng, self._traits
        uses_disk = rng.random() < 0.8
        return Habits(
            cores=cores,
            memory=memory,
            pids=rng.randint(1, 12),
            limited=rng.random() < traits.limited,
            headroom=traits.headroom,
            uses_disk=uses_disk,
            read=traits.read.draw(rng) / MOST_CONTAINERS if uses_disk else 0.0,
            written=traits.written.draw(rng) / MOST_CONTAINERS if uses_disk else 0.0,
        )
