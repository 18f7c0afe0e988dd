"""What is kept: by name, whole families only, and every sandbox has its share."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.errors import Reason
from kata_exporter.guest.schema import GUEST_METRICS
from kata_exporter.metrics import Chunk, Metric, MetricType, Scope, Shape
from kata_exporter.model import Container, Pod, Sandbox
from kata_exporter.snapshot import (
    SANDBOX_METRICS,
    WATCHED,
    CollectorResult,
    DropReason,
    KeepRules,
    Round,
    Store,
)
from kata_exporter.snapshot.keeping import Budget, NameFilter, fit

LOAD = Metric("kata_guest_load1", "Load.", MetricType.GAUGE, Scope.SANDBOX)
CPU = Metric("kata_guest_cpu_seconds_total", "CPU.", MetricType.COUNTER, Scope.SANDBOX)
DISK = Metric("kata_guest_disk_reads_total", "Reads.", MetricType.COUNTER, Scope.SANDBOX)
KILLS = Metric("kata_guest_oom_kills_total", "Kills.", MetricType.COUNTER, Scope.SANDBOX)
USAGE = Metric("kata_container_memory_usage_bytes", "Usage.", MetricType.GAUGE, Scope.CONTAINER)
HOST_SERIES = 4
"""What the host knows of a sandbox without containers, that is up with no collector: up, state,
containers, info."""


def chunk(metric: Metric, series: int = 1) -> Chunk:
    prefixes = tuple(f'{metric.name}{{n="{n}"}} ' for n in range(series))
    return Shape(metric, prefixes).chunk(["1"] * series)


def names(chunks: tuple[Chunk, ...]) -> list[str]:
    return [chunk.metric.name for chunk in chunks]


def test_what_is_watched_is_in_the_catalogue() -> None:
    catalogue = {m.name for m in (*SANDBOX_METRICS, *GUEST_METRICS, *CONTAINER_METRICS)}

    assert catalogue >= WATCHED


@pytest.mark.parametrize(
    ("allow", "deny", "kept", "dropped"),
    [
        (("*",), (), [LOAD, CPU, USAGE], {}),
        (("*",), ("kata_guest_*",), [USAGE], {DropReason.DENIED: 3}),
        (("kata_guest_load?",), (), [LOAD], {DropReason.NOT_ALLOWED: 3}),
        (
            ("kata_guest_*",),
            ("*cpu*",),
            [LOAD],
            {DropReason.DENIED: 2, DropReason.NOT_ALLOWED: 1},
        ),
        (("KATA_*",), (), [], {DropReason.NOT_ALLOWED: 4}),
        ((), (), [], {DropReason.NOT_ALLOWED: 4}),
        (("*",), ("*",), [], {DropReason.DENIED: 4}),
    ],
)
def test_names_are_allowed_and_denied_and_denying_wins(
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    kept: list[Metric],
    dropped: dict[DropReason, int],
) -> None:
    counted: Counter[DropReason] = Counter()
    chunks = (chunk(LOAD), chunk(CPU, 2), chunk(KILLS), chunk(USAGE))

    found = NameFilter(KeepRules(allow, deny)).kept(chunks, counted)

    assert set(names(found)) == {KILLS.name, *(metric.name for metric in kept)}
    assert counted == dropped


def test_what_fits_is_left_as_it_is() -> None:
    parts = {"guest_metrics": (chunk(CPU, 3),), "container_stats": (chunk(USAGE),)}

    assert fit(parts, 4) == (parts, 0)


def test_whole_families_are_left_out_containers_first_and_then_by_name() -> None:
    parts = {
        "guest_metrics": (chunk(LOAD), chunk(DISK, 3), chunk(CPU, 9), chunk(KILLS)),
        "container_stats": (chunk(USAGE, 2), chunk(USAGE, 2)),
    }

    kept, left_out = fit(parts, 9)

    assert names(kept["container_stats"]) == [USAGE.name, USAGE.name]
    assert names(kept["guest_metrics"]) == [LOAD.name, DISK.name, KILLS.name]
    assert left_out == 9


def test_what_is_watched_stays_where_there_is_no_room_at_all() -> None:
    kept, left_out = fit({"guest_metrics": (chunk(CPU), chunk(KILLS))}, -5)

    assert names(kept["guest_metrics"]) == [KILLS.name]
    assert left_out == 1


def test_each_may_have_its_share_and_more_while_there_is_room() -> None:
    budget = Budget(KeepRules(max_series_per_sandbox=70, max_series=100))
    assert budget.room("a") == (70, DropReason.SANDBOX_FULL)

    budget.hold("a", 70)
    assert budget.room("b") == (50, DropReason.STORE_FULL)
    budget.hold("b", 50)

    assert budget.too_large() == ["a"]
    budget.hold("a", 50)
    assert budget.too_large() == []
    budget.release("b")
    assert budget.room("a") == (70, DropReason.SANDBOX_FULL)


class Kept:
    """A store, and what it dropped."""

    def __init__(self, rules: KeepRules) -> None:
        self.dropped: Counter[tuple[str, DropReason]] = Counter()
        self.store = Store(max_age_seconds=30.0, rules=rules, on_dropped=self._on_dropped)

    def start(self, sandbox_id: str) -> Sandbox:
        sandbox = Sandbox(sandbox_id, 1, "unix:///a", pod=Pod("shop", sandbox_id))
        self.store.started(sandbox)
        return sandbox

    def record(self, sandbox: Sandbox, *chunks: Chunk) -> None:
        results = {"guest_metrics": CollectorResult(Reason.OK, chunks)}
        collected = Round(
            results, "4.1.0", ended_monotonic=0.0, ended_time=1e9, duration_seconds=0.1
        )
        assert self.store.record(sandbox, collected)

    def families(self, sandbox: Sandbox) -> set[str]:
        (view,) = (v for v in self.store.view(0.0) if v.sandbox.id == sandbox.id)
        return set(names(view.chunks))

    def total(self) -> int:
        return sum(len(c.values) for view in self.store.view(0.0) for c in view.chunks)

    def _on_dropped(self, sandbox: Sandbox, reason: DropReason, series: int) -> None:
        self.dropped[sandbox.id, reason] += series


def test_the_store_keeps_no_denied_family_and_tells_of_each_drop() -> None:
    kept = Kept(KeepRules(deny=("kata_guest_*", "kata_sandbox_*", "kata_agent_info")))
    sandbox = kept.start("box-a")
    kept.dropped.clear()

    kept.record(sandbox, chunk(LOAD), chunk(CPU, 5), chunk(KILLS))

    assert kept.families(sandbox) == WATCHED
    of_host = 2  # collector_success, last_collection; what discovery knows was told before
    assert kept.dropped == {("box-a", DropReason.DENIED): 6 + of_host}


def test_other_rules_hold_for_what_is_there_and_let_back_in_what_the_host_knows() -> None:
    kept = Kept(KeepRules())
    sandbox = kept.start("box-a")
    kept.record(sandbox, chunk(LOAD), chunk(CPU))

    kept.store.keep(KeepRules(deny=("kata_guest_load1", "kata_sandbox_info")))
    assert not kept.families(sandbox) & {"kata_guest_load1", "kata_sandbox_info"}
    assert CPU.name in kept.families(sandbox)

    kept.store.keep(KeepRules())
    assert "kata_sandbox_info" in kept.families(sandbox)
    kept.record(sandbox, chunk(LOAD), chunk(CPU))
    assert LOAD.name in kept.families(sandbox)


def test_a_family_beyond_the_cap_of_one_sandbox_costs_only_itself() -> None:
    kept = Kept(KeepRules(max_series_per_sandbox=100))
    sandbox = kept.start("box-a")

    kept.record(sandbox, chunk(CPU, 200), chunk(LOAD), chunk(DISK, 50))

    assert {LOAD.name, DISK.name} <= kept.families(sandbox)
    assert CPU.name not in kept.families(sandbox)
    assert kept.dropped == {("box-a", DropReason.SANDBOX_FULL): 200}


def test_one_that_came_first_with_very_many_gives_way_to_another() -> None:
    kept = Kept(KeepRules(max_series=100))
    greedy, modest = kept.start("box-a"), kept.start("box-b")
    kept.record(greedy, chunk(CPU, 80), chunk(LOAD))

    kept.record(modest, chunk(CPU, 30), chunk(LOAD))

    assert {CPU.name, LOAD.name} <= kept.families(modest)
    assert CPU.name not in kept.families(greedy)
    assert LOAD.name in kept.families(greedy)
    assert kept.dropped == {("box-a", DropReason.STORE_FULL): 80}


def test_one_whose_host_knows_much_does_not_keep_others_from_giving_way() -> None:
    kept = Kept(KeepRules(max_series=100))
    many = tuple(Container(f"ctr-{n}", f"app-{n}") for n in range(60))
    kept.store.started(Sandbox("box-a", 1, "unix:///a", containers=many))
    greedy = kept.start("box-b")

    kept.record(greedy, chunk(CPU, 30))
    kept.start("box-c")

    assert CPU.name not in kept.families(greedy)
    assert 60 < kept.total() <= 100


def test_what_the_host_knows_stays_however_little_room_there_is() -> None:
    kept = Kept(KeepRules(max_series=1))
    sandboxes = [kept.start(f"box-{n}") for n in range(5)]

    assert kept.total() == len(sandboxes) * HOST_SERIES
    kept.store.stopped(sandboxes[0])
    assert kept.total() == (len(sandboxes) - 1) * HOST_SERIES


sizes = st.integers(0, 60)
rounds = st.lists(st.tuples(st.integers(0, 4), sizes, sizes, sizes), max_size=25)


@given(rounds=rounds, max_series=st.integers(50, 200), of_one=st.integers(10, 80))
def test_no_order_of_rounds_exceeds_the_caps_or_takes_what_is_watched(
    rounds: list[tuple[int, int, int, int]], max_series: int, of_one: int
) -> None:
    kept = Kept(KeepRules(max_series_per_sandbox=of_one, max_series=max_series))
    sandboxes = [kept.start(f"box-{n}") for n in range(5)]

    for number, cpu, disk, load in rounds:
        sandbox = sandboxes[number]
        kept.record(sandbox, chunk(CPU, cpu), chunk(DISK, disk), chunk(LOAD, load), chunk(KILLS))
        assert KILLS.name in kept.families(sandbox)
        sizes = {
            view.sandbox.id: sum(len(c.values) for c in view.chunks)
            for view in kept.store.view(0.0)
        }
        assert sum(sizes.values()) == kept.store._budget.total
        # Eight of each are the host's, and the count of kills, which always stay.
        assert all(size <= max(of_one, 8) for size in sizes.values())
        assert sum(sizes.values()) <= max(max_series, 8 * len(sizes))


def test_a_sandbox_that_gets_its_name_has_the_same_rules() -> None:
    kept = Kept(KeepRules(deny=("kata_sandbox_info",)))
    sandbox = kept.start("box-a")

    kept.store.updated(replace(sandbox, pod=Pod("shop", "web-0")))

    assert "kata_sandbox_info" not in kept.families(sandbox)
