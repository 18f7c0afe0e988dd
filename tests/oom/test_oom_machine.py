"""Whatever comes in whatever order: no event counts twice, and the guest's count is the kernel's."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fake_clock import FakeClock
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.model import Pod, Sandbox
from kata_exporter.oom.ledger import MAX_WAITING
from kata_exporter.oom.state_format import dump, parse
from oom_rig import LedgerRig, at_limit, sandbox

NAMES = ("web", "log")
POD, NAMELESS = Pod("shop", "web-0"), Pod()


class Container:
    """A container as it truly was: what happened, and what of it was told."""

    def __init__(self, id_: str, began: int) -> None:
        self.id = id_
        self.began = began
        self.ended: int | None = None
        self.ooms: list[int] = []
        self.told: set[int] = set()
        self.status_told = False

    @property
    def known(self) -> int:
        """How many OOMs anybody has told of."""
        return max(len(self.told), int(self.status_told))


class OomMachine(RuleBasedStateMachine):
    """One pod of two containers, which restart, die, and are told of in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.pod = POD
        self.shown = dict.fromkeys(NAMES, 0)
        self.clock = FakeClock()
        self.rig = LedgerRig(self.clock)
        self.generation = 1
        self.kills = 0
        self.read_kills: int | None = None
        self.number = 0
        self.all: dict[str, list[Container]] = {name: [] for name in NAMES}
        self.alive = False
        self.inferred = 0
        self._begin()

    def _begin(self) -> None:
        for name in NAMES:
            self._new(name)
        self.alive = True
        self.kills, self.read_kills = 0, None
        self.rig.start(self._sandbox())

    def _new(self, name: str) -> None:
        self.number += 1
        self.all[name].append(Container(f"{name}{self.number}", self._tick()))

    def _tick(self) -> int:
        self.clock.advance(0.001)
        return self.rig.now_ns

    def _sandbox(self) -> Sandbox:
        pairs = [f"{name}:{self.all[name][-1].id}" for name in NAMES]
        return sandbox("sb1", *pairs, generation=self.generation, pod=self.pod)

    def _count(self, name: str, pod: Pod) -> int:
        return int(self.rig.events(name, pod.name) or 0)

    def _containers(self) -> list[Container]:
        return [container for name in NAMES for container in self.all[name]]

    @rule(name=st.sampled_from(NAMES), kills=st.integers(1, 4))
    def kill(self, name: str, kills: int) -> None:
        """The kernel kills; nobody has said so yet."""
        container = self.all[name][-1]
        if self.alive and container.ended is None:
            container.ooms.append(self._tick())
            self.kills += kills

    @rule(data=st.data(), times=st.integers(1, 3))
    def tell_event(self, data: Any, times: int) -> None:
        """The runtime tells of any OOM that ever was, once or more often, late or not."""
        found = [(c, at) for c in self._containers()[-6:] for at in c.ooms]
        if found:
            container, at = data.draw(st.sampled_from(found))
            for _ in range(times):
                self.rig.oom(container.id, at=at)
            container.told.add(at)

    @rule(data=st.data(), times=st.integers(1, 2))
    def tell_status(self, data: Any, times: int) -> None:
        """CRI tells how any container ended."""
        found = [c for c in self._containers()[-6:] if c.ended is not None]
        if found:
            container = data.draw(st.sampled_from(found))
            for _ in range(times):
                self.rig.status(container.id, container.ended, oom_killed=bool(container.ooms))
            container.status_told |= bool(container.ooms)

    @rule(name=st.sampled_from(NAMES), is_told=st.booleans())
    def restart_container(self, name: str, is_told: bool) -> None:  # noqa: FBT001  drawn
        """A container ends, and another one of its name comes."""
        container = self.all[name][-1]
        container.ended = self._tick()
        if is_told:
            self.rig.exited(container.id, container.ended)
        self._new(name)
        if self.alive:
            self.rig.ledger.updated(self._sandbox())

    @rule()
    def read(self) -> None:
        """A collection reads the guest's count."""
        if self.alive:
            self.clock.advance(15)
            web = self.all["web"][-1].id
            self.rig.ledger.read(self._sandbox(), at_limit(web, kills=self.kills))
            self.read_kills = self.kills

    @rule()
    def stop(self) -> None:
        """The sandbox ends."""
        if self.alive:
            self.rig.ledger.stopped(self._sandbox())
            self.alive = False

    @rule(pod=st.sampled_from((POD, NAMELESS)))
    def come_back(self, pod: Pod) -> None:
        """The sandbox comes back with another VM, maybe before anybody has told its name."""
        if not self.alive:
            self.generation += 1
            self.pod = pod
            self._begin()

    @rule()
    def name(self) -> None:
        """A sandbox that was published nameless gets its name."""
        if self.alive and self.pod == NAMELESS:
            self.pod = POD
            self.rig.ledger.updated(self._sandbox())

    @rule(pod=st.sampled_from((POD, NAMELESS)))
    def restart_exporter(self, pod: Pod) -> None:
        """The exporter restarts, with its state file, and may publish the sandbox nameless."""
        saved = dump(self.rig.ledger)
        self._tick()
        self.rig.ledger = self.rig.new_ledger()
        for key, account in parse(saved, OOM_KILLS):
            self.rig.ledger.restore(key, account)
        self.read_kills = None
        if self.alive:
            self.generation += 1
            self.pod = pod
            self.rig.start(self._sandbox())

    @invariant()
    def no_event_counts_twice_and_none_is_lost(self) -> None:
        for name in NAMES:
            known = sum(container.known for container in self.all[name])
            named, nameless = self._count(name, POD), self._count(name, NAMELESS)
            if self.pod == POD:
                assert (named, nameless) == (known, 0)
            else:
                # Either may have been told of what the other knows.
                assert max(named, nameless) <= known <= named + nameless

    @invariant()
    def no_counter_falls(self) -> None:
        for name in NAMES:
            count = self._count(name, POD)
            assert count >= self.shown[name]
            self.shown[name] = count

    @invariant()
    def the_guests_count_is_what_the_kernel_last_said(self) -> None:
        shown = self.read_kills
        if not self.alive and not shown:
            shown = None  # of what is gone only that is shown which happened
        told = self.rig.guest_kills(self.pod.name)
        assert told == (None if shown is None else str(shown))

    @invariant()
    def what_is_inferred_is_no_more_than_was_killed(self) -> None:
        inferred = int(self.rig.inferred("web", POD.name) or 0)
        assert inferred >= self.inferred
        self.inferred = inferred
        assert not int(self.rig.inferred("log") or 0)
        assert not self.rig.rejected

    @invariant()
    def what_is_saved_is_what_is_known(self) -> None:
        saved = dump(self.rig.ledger)
        for _, account in self.rig.ledger.accounts():
            account.saved = None
        assert dump(self.rig.ledger) == saved

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        assert len(self.rig.ledger._waiting) <= MAX_WAITING
        assert len(self.rig.ledger._accounts) <= 2


TestOomMachine = OomMachine.TestCase
TestOomMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
