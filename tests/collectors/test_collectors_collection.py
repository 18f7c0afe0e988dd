"""Collection follows the registry: who starts is asked, who stops is left alone and closed."""

import asyncio

import pytest

from fake_clock import FakeClock, settle
from fake_observer import METRICS_TEXT, FakeObserver, failure
from kata_exporter.collectors.collection import Collection
from kata_exporter.collectors.rounds import COLLECTORS, RoundSettings
from kata_exporter.collectors.scheduler import Scheduler
from kata_exporter.errors import AddressError, Reason
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.model import Container, Pod, Refusal, Sandbox, SandboxGone, SandboxSeen
from kata_exporter.registry import Registry
from kata_exporter.snapshot import Round, Store
from kata_exporter.telemetry.hooks import RoundHook, RoundInfo, RoundOutcome


class Rig:
    """A registry, a store and a collection over scripted observers."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.observers: dict[str, list[FakeObserver]] = {}
        self.scripts: dict[str, dict[str, list[object]]] = {}
        self.rounds: list[tuple[str, Reason]] = []
        self.refused: AddressError | None = None
        self.store = Store(max_age_seconds=45.0)
        self.collection = self.new_collection()
        self.registry = Registry([self.store, self.collection])

    def new_collection(self, hook: RoundHook | None = None) -> Collection:
        return Collection(
            store=self.store,
            scheduler=Scheduler(clock=self.clock, interval_seconds=15.0, concurrency=8),
            connect=self._connect,
            settings=RoundSettings(
                clock=self.clock,
                interval_seconds=15.0,
                timeout_seconds=5.0,
                layouts=LayoutCache(),
                on_rejected=lambda _reason, _n: None,
                on_resets=lambda _n: None,
            ),
            on_round=self._on_round,
            hook=hook,
        )

    def seen(self, sandbox_id: str, birth: str = "x", *containers: Container) -> None:
        self.registry.apply(
            SandboxSeen("static", sandbox_id, "unix:///a", birth, containers=containers)
        )

    def configure(
        self, *, interval_seconds: float, timeout_seconds: float, concurrency: int
    ) -> None:
        self.collection.configure(
            interval_seconds=interval_seconds,
            timeout_seconds=timeout_seconds,
            concurrency=concurrency,
            collectors=frozenset(COLLECTORS),
        )

    def gone(self, sandbox_id: str) -> None:
        self.registry.apply(SandboxGone("static", sandbox_id))

    def up(self) -> dict[str, bool]:
        return {view.sandbox.id: view.up for view in self.store.view(self.clock.monotonic())}

    def _connect(self, sandbox: Sandbox) -> FakeObserver:
        if self.refused is not None:
            raise self.refused
        observer = FakeObserver(**self.scripts.get(sandbox.id, {}))
        self.observers.setdefault(sandbox.id, []).append(observer)
        return observer

    def _on_round(self, sandbox: Sandbox, collected: Round) -> None:
        self.rounds.append((sandbox.id, collected.reason))


@pytest.fixture
def rig(clock: FakeClock) -> Rig:
    return Rig(clock)


async def test_every_sandbox_is_asked_at_once_and_shown(rig: Rig) -> None:
    rig.seen("box-a")
    rig.seen("box-b")
    assert rig.up() == {"box-a": False, "box-b": False}

    await rig.collection.first_round()

    assert rig.up() == {"box-a": True, "box-b": True}
    assert rig.rounds == [("box-a", Reason.OK), ("box-b", Reason.OK)]
    await rig.collection.aclose()


async def test_the_first_round_of_nobody_is_over_at_once(rig: Rig) -> None:
    await asyncio.wait_for(rig.collection.first_round(), 1.0)
    await rig.collection.aclose()


async def test_a_hung_sandbox_holds_up_the_first_round_and_none_of_the_others(rig: Rig) -> None:
    gate = asyncio.Event()

    async def hang() -> str:
        await gate.wait()
        return METRICS_TEXT

    rig.scripts["hung"] = {"guest_metrics": [hang]}
    rig.seen("hung")
    rig.seen("box-a")
    first_round = asyncio.create_task(rig.collection.first_round())
    await settle()

    assert rig.up() == {"hung": False, "box-a": True}
    assert not first_round.done()
    rig.gone("hung")
    await first_round
    await rig.collection.aclose()


async def test_the_first_round_is_of_those_that_are_there_when_it_begins(rig: Rig) -> None:
    """Else a node on which sandboxes come all the time might never be ready."""
    gate = asyncio.Event()

    async def hang() -> str:
        await gate.wait()
        return METRICS_TEXT

    rig.scripts["late"] = {"guest_metrics": [hang]}
    rig.seen("box-a")
    first_round = asyncio.create_task(rig.collection.first_round())
    await asyncio.sleep(0)
    rig.seen("late")
    await settle()

    assert rig.up() == {"box-a": True, "late": False}
    assert first_round.done()
    await rig.collection.aclose()


async def test_a_sandbox_that_goes_in_mid_round_is_closed_and_leaves_nothing(rig: Rig) -> None:
    """The call under way never ends by itself: only the cancellation can end it."""
    gate = asyncio.Event()
    rig.scripts["box-a"] = {"guest_metrics": [gate.wait]}
    rig.seen("box-a")
    await settle()

    rig.gone("box-a")
    await settle()

    assert rig.up() == {}
    assert rig.rounds == []
    assert [observer.closed for observer in rig.observers["box-a"]] == [1]
    await rig.collection.aclose()


async def test_what_an_old_generation_brings_late_is_not_shown_under_the_new_one(rig: Rig) -> None:
    """Fault 27: the answer to the old VM's call comes when the new VM is there."""
    gate = asyncio.Event()

    async def late() -> str:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            return METRICS_TEXT.replace("0.5", "666")
        raise AssertionError

    rig.scripts["box-a"] = {"guest_metrics": [late]}
    rig.seen("box-a", "first")
    await settle()
    rig.scripts["box-a"] = {"guest_metrics": [failure(Reason.TIMEOUT)]}

    rig.seen("box-a", "second")
    await settle()

    (view,) = rig.store.view(rig.clock.monotonic())
    assert view.sandbox.generation == 2
    assert not any(b"666" in chunk.lines for chunk in view.chunks)
    await rig.collection.aclose()


async def test_an_update_reaches_the_next_round(rig: Rig) -> None:
    rig.seen("box-a")
    await rig.collection.first_round()

    rig.seen("box-a", "x", Container("c1", "app"))
    await rig.clock.run_for(16.0, step=0.5)

    assert "container_stats c1" in rig.observers["box-a"][0].calls
    await rig.collection.aclose()


async def test_closing_in_mid_round_closes_every_connection(rig: Rig) -> None:
    """SIGTERM in mid-collection: no task and no connection is left."""
    gate = asyncio.Event()
    rig.scripts["box-a"] = {"container_stats": [gate.wait]}
    rig.seen("box-a", "x", Container("c1"))
    rig.seen("box-b")
    await settle()

    await rig.collection.aclose()

    assert [o.closed for made in rig.observers.values() for o in made] == [1, 1]
    assert rig.clock.pending == 0


async def test_a_silent_sandbox_comes_back_by_itself(rig: Rig) -> None:
    rig.scripts["box-a"] = {"guest_metrics": [failure(Reason.TIMEOUT), METRICS_TEXT]}
    rig.seen("box-a")
    await rig.collection.first_round()
    assert rig.up() == {"box-a": False}

    await rig.clock.run_for(30.0, step=0.5)

    assert rig.up() == {"box-a": True}
    await rig.collection.aclose()


def waiting(refusal: Refusal | None = None) -> SandboxSeen:
    """What discovery says while it has no address to tell."""
    return SandboxSeen("directory:/run/kata", "box-a", "", "x", refusal=refusal)


def found() -> SandboxSeen:
    return SandboxSeen("directory:/run/kata", "box-a", "unix:///a", "x")


async def test_a_sandbox_without_an_address_is_pending_and_asked_once_it_has_one(rig: Rig) -> None:
    rig.registry.apply(waiting())
    await settle()
    assert rig.observers == {}
    assert [view.reason for view in rig.store.view(0.0)] == [Reason.PENDING]

    rig.registry.apply(found())
    await rig.collection.first_round()

    assert rig.up() == {"box-a": True}
    await rig.collection.aclose()


async def test_a_refused_sandbox_shows_why_and_is_asked_at_once_when_it_may_be(rig: Rig) -> None:
    rig.refused = AddressError("the shim said nothing", Reason.TIMEOUT)
    rig.registry.apply(waiting(Refusal("timeout", "the shim said nothing")))
    await rig.collection.first_round()
    assert rig.rounds == [("box-a", Reason.TIMEOUT)]

    rig.refused = None
    rig.registry.apply(found())
    await settle()

    assert rig.rounds[1:] == [("box-a", Reason.OK)]
    await rig.collection.aclose()


async def test_the_first_round_waits_for_an_address_that_is_still_asked_for(rig: Rig) -> None:
    rig.registry.apply(waiting())
    first_round = asyncio.create_task(rig.collection.first_round())
    await settle()
    assert not first_round.done()

    rig.registry.apply(SandboxGone("directory:/run/kata", "box-a"))
    await first_round

    assert rig.rounds == []
    await rig.collection.aclose()


async def test_a_sandbox_that_gets_its_name_is_asked_again_at_once_under_it(rig: Rig) -> None:
    rig.registry.apply(SandboxSeen("static", "box-a", "unix:///a", "x"))
    await rig.collection.first_round()

    rig.registry.apply(SandboxSeen("static", "box-a", "unix:///a", "x", pod=Pod("shop", "web-0")))
    await settle()

    assert rig.rounds == [("box-a", Reason.OK)] * 2
    lines = b"".join(c.lines for view in rig.store.view(0.0) for c in view.chunks).decode()
    assert "kata_guest_" in lines
    assert lines.count('pod="web-0"') == lines.count("sandbox_id=")
    await rig.collection.aclose()


async def test_other_settings_leave_generations_connections_and_rounds_as_they_are(
    rig: Rig,
) -> None:
    rig.seen("box-a")
    await rig.collection.first_round()

    rig.configure(interval_seconds=5.0, timeout_seconds=1.0, concurrency=2)
    assert len(rig.rounds) == 1
    await rig.clock.run_for(16.0, step=0.25)

    assert len(rig.rounds) >= 4
    assert set(rig.rounds) == {("box-a", Reason.OK)}
    (observer,) = rig.observers["box-a"]
    assert not observer.closed
    assert rig.registry.sandboxes()[0].generation == 1
    await rig.collection.aclose()


async def test_other_settings_hold_for_whoever_comes_later_too(rig: Rig) -> None:
    rig.configure(interval_seconds=5.0, timeout_seconds=1.0, concurrency=2)
    rig.seen("box-a")
    await rig.collection.first_round()

    (observer,) = rig.observers["box-a"]
    assert set(observer.deadlines) == {rig.clock.monotonic() + 1.0}
    await rig.collection.aclose()


async def test_another_timeout_is_the_deadline_of_the_next_round(rig: Rig) -> None:
    rig.seen("box-a")
    await rig.collection.first_round()
    (observer,) = rig.observers["box-a"]
    observer.deadlines.clear()

    rig.configure(interval_seconds=15.0, timeout_seconds=2.0, concurrency=8)
    await rig.clock.run_for(15.0, step=0.25)

    started = {observer.deadlines[0] - 2.0}
    assert all(rig.clock.monotonic() - 15.0 <= at <= rig.clock.monotonic() for at in started)
    assert len(set(observer.deadlines)) == 1
    await rig.collection.aclose()


class RoundNotes:
    """A hook of rounds that notes what it is told, beside what the rig was told meanwhile."""

    def __init__(self, rig: "Rig") -> None:
        self.rig = rig
        self.told: list[object] = []

    def started(self, info: RoundInfo) -> "RoundNotes":
        self.told.append(info)
        return self

    def ended(self, outcome: RoundOutcome) -> None:
        self.told.append(outcome)

    def left(self) -> None:
        self.told.append(f"left after {len(self.rig.rounds)} were told")


async def test_each_round_is_watched_until_who_is_told_of_it_has_logged_it(rig: Rig) -> None:
    notes = RoundNotes(rig)
    rig.collection = rig.new_collection(notes)
    rig.registry = Registry([rig.store, rig.collection])
    rig.scripts["box-a"] = {"version": [failure(Reason.TIMEOUT)]}
    rig.seen("box-a")
    await rig.collection.first_round()
    first, outcome, left = notes.told

    assert first == RoundInfo("box-a", attempt=1)
    assert isinstance(outcome, RoundOutcome)
    assert (outcome.reason, outcome.detail != "") == (Reason.TIMEOUT, True)
    assert left == "left after 1 were told"

    await rig.clock.run_for(60.0, step=0.25)
    attempts = [told.attempt for told in notes.told if isinstance(told, RoundInfo)]
    assert attempts[:3] == [1, 2, 3]
    await rig.collection.aclose()
