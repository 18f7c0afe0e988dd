"""What goes on in a fleet while it is watched: which kinds of sandboxes, and what happens to them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import cycle

from kata_exporter.clock import Clock
from kata_exporter.model import Container, ContainerState
from kata_exporter.simulator.agent.oom import Victim
from kata_exporter.simulator.agent.versions import NEWEST
from kata_exporter.simulator.faults import FAULTS, needs_hybrid
from kata_exporter.simulator.fleet import Fleet
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.simulator.guest.profiles import Profile
from kata_exporter.simulator.guest.wave import seeded
from kata_exporter.simulator.kinds import EVERY_WAY, Kind
from kata_exporter.simulator.sandbox import SimulatedSandbox


class Scenario(StrEnum):
    """Kinds of days that a node can have."""

    CALM = "calm"
    """Quiet guests, nothing happens."""
    BUSY = "busy"
    """Much CPU, memory, network and many disks, on agents of several versions."""
    OOM = "oom"
    """Guests short of memory: processes and whole containers are killed, and come back."""
    FAULTS = "faults"
    """A third of the sandboxes misbehave, each in its own way, and others in turn."""
    CHURN = "churn"
    """Sandboxes come, go, are replaced under their names, lose their VMs; containers restart."""


EVERY_SECONDS = 5.0
"""Between two things that happen."""
SANDBOXES_PER_ACT = 20
"""In a larger fleet more happens at a time."""
MOST_LINES = 3
"""Of what happens at a time, so much is told one by one."""

Act = Callable[[], Awaitable[str]]


_V1, _V2 = CgroupVersion.V1, CgroupVersion.V2


def _kinds(
    profiles: Sequence[Profile],
    versions: Sequence[tuple[str, CgroupVersion]] = ((str(NEWEST), _V2),),
) -> tuple[Kind, ...]:
    """Return kinds of both runtimes and both ways to an agent; a version holds for all profiles."""
    kinds = []
    for number in range(len(EVERY_WAY) * len(profiles) * len(versions)):
        version, cgroup = versions[number // len(profiles) % len(versions)]
        kinds.append(
            replace(
                EVERY_WAY[number % len(EVERY_WAY)],
                profile=profiles[number % len(profiles)],
                version=version,
                cgroup=cgroup,
            )
        )
    return tuple(kinds)


KINDS: Mapping[Scenario, Sequence[Kind]] = {
    Scenario.CALM: _kinds([Profile.MIXED, Profile.IDLE, Profile.MIXED]),
    Scenario.BUSY: _kinds(
        [
            Profile.BUSY,
            Profile.MEMORY_HOG,
            Profile.NETWORK_HEAVY,
            Profile.MANY_DISKS,
            Profile.MIXED,
        ],
        [("4.1.0", _V2), ("3.32.0", _V2), ("4.1.0", _V1), ("3.8.0", _V2), ("2.4.0", _V1)],
    ),
    Scenario.OOM: _kinds(
        [Profile.MEMORY_HOG, Profile.MEMORY_HOG, Profile.MIXED], [("4.1.0", _V2), ("4.1.0", _V1)]
    ),
    Scenario.FAULTS: _kinds([Profile.MIXED]),
    Scenario.CHURN: _kinds([Profile.MIXED, Profile.IDLE, Profile.BUSY]),
}


class Director:
    """Lets a scenario happen to a fleet.

    The same seed lets the same happen to the same fleet.

    Args:
        fleet: of the scenario's kinds, started.
        scenario: what is to happen.
        clock: when.
        seed: what is chosen by.
        tell: is told in a line each what happened.
    """

    def __init__(
        self,
        fleet: Fleet,
        scenario: Scenario,
        *,
        clock: Clock,
        seed: int = 0,
        tell: Callable[[str], object],
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._tell = tell
        self._rng = seeded(seed, "scenario", scenario)
        self._acts: Mapping[Scenario, Sequence[Act]] = {
            Scenario.OOM: (
                self._kill_process,
                self._kill_process,
                self._kill_init,
                self._kill_outside,
            ),
            Scenario.FAULTS: (self._pass_a_fault_on,),
            Scenario.CHURN: (
                self._exchange,
                self._replace_pod,
                self._lose_vm,
                self._reboot,
                self._restart_container,
            ),
        }
        self._scenario = scenario
        names = list(FAULTS)
        self._rng.shuffle(names)
        self._fault_names = cycle(names)
        self._faulty: dict[str, SimulatedSandbox] = {}

    async def run(self) -> None:
        """Let things happen until cancelled; returns where nothing ever does.

        Raises:
            OSError: a new sandbox's socket can't be bound.
        """
        acts = self._acts.get(self._scenario)
        if not acts:
            return
        if self._scenario is Scenario.FAULTS:
            self._report([await self._strike() for _ in range(len(self._fleet.sandboxes) // 3)])
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            happened = await self._replace_ended() + self._restart_exited()
            for _ in range(1 + len(self._fleet.sandboxes) // SANDBOXES_PER_ACT):
                happened.append(await self._rng.choice(acts)())
            self._report(happened)

    def _report(self, happened: Sequence[str]) -> None:
        for line in happened[:MOST_LINES]:
            self._tell(line)
        if len(happened) > MOST_LINES:
            self._tell(f"and {len(happened) - MOST_LINES} more like these")

    async def _kill_process(self) -> str:
        sandbox, container = self._running_container()
        sandbox.kill_for_memory(container.id)
        return f"out of memory: a process of {container.name} in {_name(sandbox)} was killed"

    async def _kill_init(self) -> str:
        sandbox, container = self._running_container()
        sandbox.kill_for_memory(container.id, Victim.INIT)
        return f"out of memory: {container.name} in {_name(sandbox)} was killed"

    async def _kill_outside(self) -> str:
        sandbox = self._any_sandbox()
        sandbox.kill_for_memory()
        return f"out of memory: a process of the guest of {_name(sandbox)} was killed"

    async def _replace_ended(self) -> list[str]:
        """Do as a kubelet does with pods whose VM or pause container a client has ended."""
        happened = []
        for old in self._fleet.ended:
            self._faulty.pop(old.id, None)
            new = await self._fleet.replace(old, same_pod=True)
            happened.append(f"{_name(old)} had ended: {new.id} after {old.id}")
        return happened

    def _restart_exited(self) -> list[str]:
        """Do as a kubelet does with what was killed by the time it looks."""
        happened = []
        for sandbox in self._fleet.sandboxes:
            for container in sandbox.containers:
                if container.state is ContainerState.EXITED:
                    sandbox.restart_container(container.id)
                    happened.append(f"{container.name} in {_name(sandbox)} runs again")
        return happened

    async def _pass_a_fault_on(self) -> str:
        if not self._faulty:
            return await self._strike()
        well = self._faulty.pop(next(iter(self._faulty)))
        await well.suffer(None)
        return f"{_name(well)} is well again; {await self._strike()}"

    async def _strike(self) -> str:
        sandbox = self._rng.choice([s for s in self._fleet.sandboxes if s.id not in self._faulty])
        name = next(n for n in self._fault_names if sandbox.kind.hybrid or not needs_hybrid(n))
        await sandbox.suffer(name)
        self._faulty[sandbox.id] = sandbox
        return f"{_name(sandbox)} suffers from {name}"

    async def _exchange(self) -> str:
        old = self._any_sandbox()
        await self._fleet.remove(old)
        new = await self._fleet.add()
        return f"{_name(old)} went, {_name(new)} came"

    async def _replace_pod(self) -> str:
        old = self._any_sandbox()
        new = await self._fleet.replace(old)
        return f"another pod took the name of {_name(old)}: {new.id} after {old.id}"

    async def _lose_vm(self) -> str:
        old = self._any_sandbox()
        new = await self._fleet.replace(old, same_pod=True)
        return f"{_name(old)} lost its VM: {new.id} after {old.id}"

    async def _reboot(self) -> str:
        sandbox = self._any_sandbox()
        await sandbox.reboot()
        return f"the guest of {_name(sandbox)} booted again"

    async def _restart_container(self) -> str:
        sandbox, container = self._running_container()
        sandbox.restart_container(container.id)
        return f"{container.name} in {_name(sandbox)} restarted"

    def _any_sandbox(self) -> SimulatedSandbox:
        return self._rng.choice(self._fleet.sandboxes)

    def _running_container(self) -> tuple[SimulatedSandbox, Container]:
        return self._rng.choice(
            [
                (sandbox, container)
                for sandbox in self._fleet.sandboxes
                for container in sandbox.containers
                if container.state is ContainerState.RUNNING
            ]
        )


def _name(sandbox: SimulatedSandbox) -> str:
    return f"{sandbox.pod.namespace}/{sandbox.pod.name}"
