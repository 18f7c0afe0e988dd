"""The store replaces parts whole, lets each age by itself, and forgets old generations."""

from dataclasses import replace

from kata_exporter.errors import Reason
from kata_exporter.exposition import render
from kata_exporter.metrics import Chunk, Metric, MetricType, Scope, Shape, sample_prefix
from kata_exporter.model import Container, Pod, Runtime, Sandbox
from kata_exporter.snapshot import CollectorResult, Round, SandboxState, Store, sandbox_identity

LOAD = Metric("kata_guest_load1", "Load.", MetricType.GAUGE, Scope.SANDBOX)
USAGE = Metric("kata_container_memory_usage_bytes", "Usage.", MetricType.GAUGE, Scope.CONTAINER)

SANDBOX = Sandbox(
    "demo-1",
    1,
    "unix:///run/demo-1.sock",
    pod=Pod("shop", "web-0", "u-1", "kata-qemu"),
    containers=(Container("ctr-one", "app", "app:1"), Container("demo-1", "pause")),
)


def chunk(metric: Metric, value: str) -> Chunk:
    prefix = sample_prefix(metric.name, sandbox_identity(SANDBOX))
    return Shape(metric, (prefix,)).chunk([value])


def a_round(at: float = 10.0, *, version: str = "", **results: CollectorResult) -> Round:
    return Round(results, version, ended_monotonic=at, ended_time=at + 1e9, duration_seconds=0.1)


def ok(*chunks: Chunk) -> CollectorResult:
    return CollectorResult(Reason.OK, chunks)


def page(store: Store, now: float) -> list[str]:
    text = render(c for view in store.view(now) for c in view.chunks).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def new_store() -> Store:
    store = Store(max_age_seconds=30.0)
    store.started(SANDBOX)
    return store


def test_first_sight_is_down_and_pending() -> None:
    lines = page(new_store(), 0.0)

    identity = 'sandbox_id="demo-1",namespace="shop",pod="web-0"'
    assert f"kata_sandbox_up{{{identity}}} 0" in lines
    assert f'kata_sandbox_state{{{identity},reason="pending"}} 1' in lines
    assert not any(line.startswith("kata_sandbox_collector_success") for line in lines)


def test_labels_of_the_pod_are_shown_where_there_are_any() -> None:
    labelled = replace(SANDBOX, pod=replace(SANDBOX.pod, labels={"app": 'we"b', "team": "shop"}))
    store = new_store()
    assert not any(line.startswith("kata_sandbox_labels") for line in page(store, 0.0))

    store.updated(labelled)

    assert (
        'kata_sandbox_labels{sandbox_id="demo-1",namespace="shop",pod="web-0",'
        'label_app="we\\"b",label_team="shop"} 1'
    ) in page(store, 0.0)


def test_info_says_what_the_host_knows_and_leaves_the_pause_container_out() -> None:
    lines = page(new_store(), 0.0)

    identity = 'sandbox_id="demo-1",namespace="shop",pod="web-0"'
    assert (
        f'kata_sandbox_info{{{identity},uid="u-1",runtime="none",'
        'runtime_handler="kata-qemu",transport="unix"} 1' in lines
    )
    assert f"kata_sandbox_containers{{{identity}}} 1" in lines
    assert (
        f'kata_container_info{{{identity},container="app",container_id="ctr-one",image="app:1"}} 1'
        in lines
    )
    assert not any("pause" in line for line in lines)


def test_an_unnamed_sandbox_has_its_identity_labels_all_the_same() -> None:
    store = Store(max_age_seconds=30.0)
    store.started(Sandbox("demo-2", 1, "no url", runtime=Runtime.GO))

    lines = page(store, 0.0)

    assert 'kata_sandbox_up{sandbox_id="demo-2",namespace="",pod=""} 0' in lines
    assert any('runtime="go"' in line and 'transport=""' in line for line in lines)


def test_a_round_with_answers_is_up_and_shows_its_parts() -> None:
    store = new_store()

    store.record(SANDBOX, a_round(version="4.1.0", guest_metrics=ok(chunk(LOAD, "0.5"))))

    lines = page(store, 10.0)
    assert 'kata_guest_load1{sandbox_id="demo-1",namespace="shop",pod="web-0"} 0.5' in lines
    assert any(line.startswith("kata_sandbox_up{") and line.endswith(" 1") for line in lines)
    assert any("kata_agent_info{" in line and 'version="4.1.0"' in line for line in lines)
    assert any(
        "kata_sandbox_last_collection_timestamp_seconds{" in line
        and line.endswith('collector="guest_metrics"} 1000000010.000')
        for line in lines
    )


def test_a_part_is_replaced_whole() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(stats=ok(chunk(USAGE, "1"), chunk(LOAD, "2"))))

    store.record(SANDBOX, a_round(at=11.0, stats=ok(chunk(LOAD, "3"))))

    lines = page(store, 11.0)
    assert not any(line.startswith("kata_container_memory_usage_bytes") for line in lines)
    assert next(line for line in lines if line.startswith("kata_guest_load1")).endswith(" 3")


def test_a_failed_collector_keeps_its_last_part_until_it_is_too_old() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(at=10.0, guest_metrics=ok(chunk(LOAD, "0.5"))))

    store.record(SANDBOX, a_round(at=25.0, guest_metrics=CollectorResult(Reason.TIMEOUT)))

    assert any(line.startswith("kata_guest_load1") for line in page(store, 40.0))
    late = page(store, 40.1)
    assert not any(line.startswith("kata_guest_load1") for line in late)
    assert any(line.startswith("kata_sandbox_up{") and line.endswith(" 0") for line in late)
    assert any('reason="timeout"} 1' in line for line in late)
    assert any(line.startswith("kata_sandbox_info{") for line in late)


def test_parts_age_each_by_itself() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(at=10.0, guest=ok(chunk(LOAD, "1")), stats=ok(chunk(USAGE, "2"))))

    store.record(
        SANDBOX,
        a_round(at=35.0, guest=CollectorResult(Reason.TIMEOUT), stats=ok(chunk(USAGE, "3"))),
    )

    lines = page(store, 45.0)
    assert not any(line.startswith("kata_guest_load1") for line in lines)
    assert any(line.startswith("kata_container_memory_usage_bytes") for line in lines)


def test_up_counts_a_denial_as_an_answer_and_an_error_not() -> None:
    store = new_store()

    for reason, up in (
        (Reason.POLICY_BLOCKED, True),
        (Reason.UNSUPPORTED, True),
        (Reason.AGENT_ERROR, False),
        (Reason.REJECTED, False),
        (Reason.TIMEOUT, False),
    ):
        store.record(SANDBOX, a_round(guest=CollectorResult(reason)))
        (view,) = store.view(10.0)
        assert (view.up, view.reason) == (up, reason)


def test_one_collector_that_answers_keeps_the_sandbox_up_and_the_state_says_what_fails() -> None:
    store = new_store()

    store.record(
        SANDBOX, a_round(guest=CollectorResult(Reason.REJECTED), stats=ok(chunk(USAGE, "1")))
    )

    (view,) = store.view(10.0)
    assert (view.up, view.reason) == (True, Reason.REJECTED)
    lines = page(store, 10.0)
    assert any('collector="guest"} 0' in line for line in lines)
    assert any('collector="stats"} 1' in line for line in lines)


def test_what_an_old_generation_brings_is_dropped() -> None:
    store = new_store()
    second = Sandbox("demo-1", 2, "unix:///run/demo-1.sock")
    store.stopped(SANDBOX)
    store.started(second)

    taken = store.record(SANDBOX, a_round(guest=ok(chunk(LOAD, "9"))))

    assert not taken
    assert not any(line.startswith("kata_guest_load1") for line in page(store, 10.0))


def test_a_sandbox_that_went_is_shown_no_longer() -> None:
    store = new_store()

    store.stopped(SANDBOX)

    assert store.view(0.0) == ()


def test_an_old_generations_end_leaves_the_new_one() -> None:
    store = new_store()
    store.started(Sandbox("demo-1", 2, "unix:///run/demo-1.sock"))

    store.stopped(SANDBOX)

    assert [view.sandbox.generation for view in store.view(0.0)] == [2]


def test_an_update_shows_the_containers_as_they_are_now() -> None:
    store = new_store()

    store.updated(Sandbox("demo-1", 1, SANDBOX.agent_url, pod=SANDBOX.pod, containers=()))

    assert any(
        line.startswith("kata_sandbox_containers") and line.endswith(" 0")
        for line in page(store, 0.0)
    )
    assert not any(line.startswith("kata_container_info") for line in page(store, 0.0))


def test_a_collector_that_has_nothing_to_ask_any_more_is_off_the_page_at_once() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(guest=ok(chunk(LOAD, "1")), containers=ok(chunk(USAGE, "2"))))

    store.record(SANDBOX, a_round(guest=ok(chunk(LOAD, "3"))))

    assert not any(line.startswith("kata_container_memory") for line in page(store, 10.0))
    assert not any('collector="containers"' in line for line in page(store, 10.0))


def test_a_name_that_comes_late_takes_all_labels_along_and_what_lacked_it_off_the_page() -> None:
    store = Store(max_age_seconds=30.0)
    nameless = replace(SANDBOX, pod=Pod())
    store.started(nameless)
    line = sample_prefix(LOAD.name, sandbox_identity(nameless))
    store.record(nameless, a_round(guest=ok(Shape(LOAD, (line,)).chunk(["1"]))))

    store.updated(SANDBOX)
    late = store.record(nameless, a_round(guest=ok(Shape(LOAD, (line,)).chunk(["2"]))))

    assert not late
    lines = page(store, 10.0)
    assert lines
    assert all('namespace="shop",pod="web-0"' in line for line in lines)

    assert store.record(SANDBOX, a_round(guest=ok(chunk(LOAD, "3"))))
    assert f"{sample_prefix(LOAD.name, sandbox_identity(SANDBOX))}3" in page(store, 10.0)


def test_hostile_names_from_the_host_are_escaped() -> None:
    store = Store(max_age_seconds=30.0)
    store.started(Sandbox("demo-3", 1, "unix:///a", pod=Pod('a"b\n', "c\\d")))

    assert 'kata_sandbox_up{sandbox_id="demo-3",namespace="a\\"b\\n",pod="c\\\\d"} 0' in page(
        store, 0.0
    )


def test_a_longer_max_age_holds_at_once_and_brings_back_what_it_covers() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(10.0, a=ok(chunk(LOAD, "1"))))
    shown = page(store, 20.0)
    assert len(page(store, 41.0)) < len(shown)

    store.configure(max_age_seconds=60.0, now=41.0)

    assert page(store, 41.0) == page(store, 70.0) == shown


def test_a_shorter_max_age_counts_from_when_it_was_set() -> None:
    """An interval that is shortened brings its first round only later."""
    store = new_store()
    store.record(SANDBOX, a_round(10.0, a=ok(chunk(LOAD, "1"))))
    shown = page(store, 20.0)

    store.configure(max_age_seconds=5.0, now=20.0)

    assert page(store, 25.0) == shown
    assert len(page(store, 25.1)) < len(shown)


def test_another_max_age_never_brings_back_what_was_withheld_before() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(10.0, a=ok(chunk(LOAD, "1"))))
    withheld = page(store, 50.0)

    for now in (50.0, 51.0, 52.0):
        store.configure(max_age_seconds=5.0, now=now)
        assert page(store, now) == withheld


def test_a_max_age_that_is_shortened_again_and_again_takes_away_nothing_early() -> None:
    store = new_store()
    store.record(SANDBOX, a_round(10.0, a=ok(chunk(LOAD, "1"))))
    shown = page(store, 20.0)

    for now, max_age_seconds in ((20.0, 5.0), (24.0, 3.0), (26.0, 2.0)):
        store.configure(max_age_seconds=max_age_seconds, now=now)
        assert page(store, now + max_age_seconds) == shown

    assert len(page(store, 28.1)) < len(shown)


def test_the_state_is_that_of_the_last_round_with_its_words() -> None:
    store = new_store()
    assert store.state(SANDBOX) == SandboxState(up=False, reason=Reason.PENDING, detail="")

    store.record(SANDBOX, a_round(a=CollectorResult(Reason.TIMEOUT, detail="no answer in 5 s")))
    assert store.state(SANDBOX) == SandboxState(False, Reason.TIMEOUT, "no answer in 5 s")

    store.record(SANDBOX, a_round(a=ok()))
    assert store.state(SANDBOX) == SandboxState(True, Reason.OK, "")


def test_another_generation_has_no_state() -> None:
    assert new_store().state(replace(SANDBOX, generation=2)) is None
