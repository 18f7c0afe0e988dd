"""What an event of discovery does to what is known."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.model import (
    Container,
    DiscoveryEvent,
    Pod,
    Runtime,
    SandboxGone,
    SandboxSeen,
)
from kata_exporter.registry import Known, reconcile

URL = "unix:///run/a.sock"


def seen(
    sandbox_id: str = "box-a",
    *,
    source: str = "static",
    birth: str = "first",
    url: str = URL,
    pod: Pod | None = None,
    containers: tuple[Container, ...] = (),
    runtime: Runtime = Runtime.NONE,
) -> SandboxSeen:
    return SandboxSeen(source, sandbox_id, url, birth, runtime, pod or Pod(), containers)


def known_after(*events: DiscoveryEvent) -> Mapping[str, Known]:
    known: Mapping[str, Known] = {}
    for number, event in enumerate(events, start=1):
        known = reconcile(known, event, next_generation=number).known
    return known


def test_first_sight_starts_a_generation() -> None:
    change = reconcile({}, seen(), next_generation=7)

    assert [sandbox.generation for sandbox in change.started] == [7]
    assert (change.stopped, change.updated) == ((), ())
    assert change.started[0].sources == {"static"}


def test_seen_again_alike_changes_nothing() -> None:
    change = reconcile(known_after(seen()), seen(), next_generation=2)

    assert (change.started, change.stopped, change.updated) == ((), (), ())


def test_another_birth_stops_the_old_generation_and_starts_a_new_one() -> None:
    change = reconcile(known_after(seen()), seen(birth="second"), next_generation=2)

    assert [s.generation for s in change.stopped] == [1]
    assert [s.generation for s in change.started] == [2]


def test_another_birth_inherits_nothing_that_other_sources_said() -> None:
    before = known_after(seen(), seen(source="other", pod=Pod("shop", "web-0"), birth="x"))

    change = reconcile(before, seen(birth="second"), next_generation=3)

    assert change.started[0].pod == Pod()
    assert change.started[0].sources == {"static"}


def test_another_agent_url_is_another_generation() -> None:
    change = reconcile(known_after(seen()), seen(url="unix:///run/b.sock"), next_generation=2)

    assert len(change.stopped) == len(change.started) == 1


def test_other_containers_update_the_same_generation() -> None:
    change = reconcile(
        known_after(seen()), seen(containers=(Container("c1", "app"),)), next_generation=2
    )

    assert [s.generation for s in change.updated] == [1]
    assert change.updated[0].containers == (Container("c1", "app"),)
    assert (change.started, change.stopped) == ((), ())


def test_stays_while_one_of_two_sources_sees_it() -> None:
    before = known_after(seen(), seen(source="other"))

    change = reconcile(before, SandboxGone("static", "box-a"), next_generation=3)

    assert change.stopped == ()
    assert change.known["box-a"].sandbox.sources == {"other"}


def test_goes_with_its_last_source() -> None:
    change = reconcile(known_after(seen()), SandboxGone("static", "box-a"), next_generation=2)

    assert [s.id for s in change.stopped] == ["box-a"]
    assert change.known == {}


def test_gone_by_a_source_that_never_saw_it_changes_nothing() -> None:
    before = known_after(seen())

    change = reconcile(before, SandboxGone("other", "box-a"), next_generation=2)

    assert change.known == before


def test_where_sources_disagree_the_more_trusted_is_believed() -> None:
    first = seen(source="other", pod=Pod("wrong", "wrong"), runtime=Runtime.RUST)
    second = seen(source="static", pod=Pod("shop", "web-0"))

    for events in ((first, second), (second, first)):
        sandbox = known_after(*events)["box-a"].sandbox
        assert sandbox.pod == Pod("shop", "web-0")
        assert sandbox.runtime is Runtime.RUST


_IDS = st.sampled_from(["a1", "b1"])
_SOURCES = st.sampled_from(["static", "other"])
_EVENTS = st.lists(
    st.one_of(
        st.builds(
            lambda i, s, b, u: seen(i, source=s, birth=b, url=f"unix:///{u}"),
            _IDS,
            _SOURCES,
            st.sampled_from(["x", "y"]),
            st.sampled_from(["u", "v"]),
        ),
        st.builds(SandboxGone, _SOURCES, _IDS),
    ),
    max_size=20,
)


@given(_EVENTS)
def test_starts_and_stops_always_pair_up(events: list[DiscoveryEvent]) -> None:
    """At no time are two generations of one id running, and none is stopped that isn't."""
    known: Mapping[str, Known] = {}
    running: dict[str, int] = {}
    generation = 0
    for event in events:
        change = reconcile(known, event, next_generation=generation + 1)
        known = change.known
        for sandbox in change.stopped:
            assert running.pop(sandbox.id) == sandbox.generation
        for sandbox in change.started:
            assert sandbox.id not in running
            assert sandbox.generation == generation + 1
            generation = running[sandbox.id] = sandbox.generation
        for sandbox in change.updated:
            assert running[sandbox.id] == sandbox.generation
        assert {i: k.sandbox.generation for i, k in known.items()} == running
