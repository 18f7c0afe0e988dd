"""What an event of discovery does to what is known."""

import timeit

import pytest

from kata_exporter.model import (
    Announcement,
    Container,
    DiscoveryEvent,
    Pod,
    Refusal,
    Runtime,
    Sandbox,
    SandboxGone,
    SandboxSeen,
)
from kata_exporter.registry import Known, reconcile
from kata_exporter.registry.told import Told
from reconciled import NOTHING, known_after

URL = "unix:///run/a.sock"
VSOCK = "vsock://77:1024"


def seen(
    sandbox_id: str = "box-a",
    *,
    source: str = "static",
    birth: str = "first",
    url: str = URL,
    pod: Pod | None = None,
    containers: tuple[Container, ...] = (),
    runtime: Runtime = Runtime.NONE,
    refusal: Refusal | None = None,
) -> SandboxSeen:
    return SandboxSeen(
        source, sandbox_id, url, birth, runtime, pod or Pod(), containers, refusal=refusal
    )


def announced(
    sandbox_id: str = "box-a",
    *,
    url: str = VSOCK,
    birth: str = "first",
    source: str = "directory:/run/kata",
) -> SandboxSeen:
    """What a shim's answer is told as."""
    return SandboxSeen(source, sandbox_id, url, birth, announced=Announcement())


def sandbox_after(*events: DiscoveryEvent, sandbox_id: str = "box-a") -> Sandbox:
    return known_after(*events).entries[sandbox_id].sandbox


def test_first_sight_starts_a_generation() -> None:
    change = reconcile(NOTHING, seen(), next_generation=7)

    assert [sandbox.generation for sandbox in change.started] == [7]
    assert (change.stopped, change.updated) == ((), ())
    assert change.started[0].sources == {"static"}


def test_seen_again_alike_changes_nothing() -> None:
    change = reconcile(known_after(seen()), seen(), next_generation=2)

    assert (change.started, change.stopped, change.updated) == ((), (), ())


def test_another_birth_stops_the_old_generation_and_starts_a_new_one() -> None:
    change = reconcile(known_after(seen()), seen(birth="second"), next_generation=200)

    assert [s.generation for s in change.stopped] == [100]
    assert [s.generation for s in change.started] == [200]


def test_another_birth_by_a_source_that_lost_sight_meanwhile_is_another_generation() -> None:
    """Another source may hold a sandbox while its directory is made again, at the same address."""
    before = known_after(seen(), announced(), SandboxGone("directory:/run/kata", "box-a"))

    again = reconcile(before, announced(), next_generation=400)
    reborn = reconcile(before, announced(birth="second"), next_generation=400)

    assert (again.started, again.stopped) == ((), ())
    assert [s.generation for s in reborn.started] == [400]
    assert [s.generation for s in reborn.stopped] == [100]


def test_another_birth_is_noticed_whatever_other_sources_said_meanwhile() -> None:
    before = known_after(announced(), seen(source="cri", url="", birth="created at noon"))

    reborn = reconcile(before, announced(birth="second"), next_generation=300)

    assert [s.generation for s in reborn.stopped] == [100]
    assert [s.generation for s in reborn.started] == [300]


def test_the_first_agent_url_updates_the_generation_that_waited_for_it() -> None:
    change = reconcile(known_after(announced(url="")), announced(), next_generation=200)

    assert (change.started, change.stopped) == ((), ())
    assert [(s.generation, s.agent_url) for s in change.updated] == [(100, VSOCK)]


def test_a_lost_agent_url_is_another_generation() -> None:
    """Whoever has the address next must not be taken for who had it."""
    change = reconcile(known_after(announced()), announced(url=""), next_generation=200)

    assert [s.generation for s in change.stopped] == [100]
    assert [(s.generation, s.agent_url) for s in change.started] == [(200, "")]


def test_a_refusal_updates_the_generation_and_ends_with_an_address() -> None:
    refusal = Refusal("timeout", "the shim said nothing")
    waiting = known_after(announced(url=""))

    refused = reconcile(
        waiting, seen(source="directory:/run/kata", url="", refusal=refusal), next_generation=200
    )
    found = reconcile(refused.known, announced(), next_generation=300)

    assert [s.refusal for s in refused.updated] == [refusal]
    assert [(s.refusal, s.agent_url) for s in found.updated] == [(None, VSOCK)]


def test_another_agent_url_is_another_generation() -> None:
    change = reconcile(known_after(seen()), seen(url="unix:///run/b.sock"), next_generation=2)

    assert len(change.stopped) == len(change.started) == 1


def test_other_containers_update_the_same_generation() -> None:
    change = reconcile(
        known_after(seen()), seen(containers=(Container("c1", "app"),)), next_generation=2
    )

    assert [s.generation for s in change.updated] == [100]
    assert change.updated[0].containers == (Container("c1", "app"),)
    assert (change.started, change.stopped) == ((), ())


def test_stays_while_one_of_two_sources_sees_it() -> None:
    before = known_after(seen(), seen(source="other"))

    change = reconcile(before, SandboxGone("static", "box-a"), next_generation=3)

    assert change.stopped == ()
    assert change.known.entries["box-a"].sandbox.sources == {"other"}


def test_goes_with_its_last_source() -> None:
    change = reconcile(known_after(seen()), SandboxGone("static", "box-a"), next_generation=2)

    assert [s.id for s in change.stopped] == ["box-a"]
    assert change.known == NOTHING


def test_gone_by_a_source_that_never_saw_it_changes_nothing() -> None:
    before = known_after(seen())

    change = reconcile(before, SandboxGone("other", "box-a"), next_generation=2)

    assert change.known == before


def test_an_address_that_may_yet_come_is_believed_before_one_that_never_does() -> None:
    """CRI never has an address, and says so; a directory tells of one a moment later."""
    cri = seen(source="cri", url="", refusal=Refusal("connect_failed", "no shim's socket"))

    assert sandbox_after(cri).refusal == cri.refusal
    assert sandbox_after(cri, announced(url="")).refusal is None
    assert sandbox_after(cri, announced()).agent_url == VSOCK


def test_where_sources_disagree_the_more_trusted_is_believed() -> None:
    first = seen(source="other", pod=Pod("wrong", "wrong"), runtime=Runtime.RUST)
    second = seen(source="static", pod=Pod("shop", "web-0"))

    for events in ((first, second), (second, first)):
        sandbox = sandbox_after(*events)
        assert sandbox.pod == Pod("shop", "web-0")
        assert sandbox.runtime is Runtime.RUST


@pytest.mark.parametrize(
    ("believed", "other"),
    [
        ("static", "registration"),
        ("registration", "directory:/run/kata"),
        ("directory:/run/kata", "directory:/run/vc/sbs"),
        ("directory:/run/vc/sbs", "cri"),
        ("cri", "another"),
    ],
)
def test_sources_are_believed_in_the_written_order(believed: str, other: str) -> None:
    first = seen(source=believed, url="vsock://5:1024")
    second = seen(source=other, url="vsock://6:1024")

    for events in ((first, second), (second, first)):
        assert sandbox_after(*events).agent_url == "vsock://5:1024"


def test_an_address_is_believed_whatever_a_better_source_refuses() -> None:
    """Where a squatter sits in one directory, and the sandbox's shim in the other."""
    squatter = seen(source="directory:/run/kata", url="", refusal=Refusal("rejected", "a symlink"))
    sandbox = sandbox_after(squatter, announced(source="directory:/run/vc/sbs"))

    assert (sandbox.agent_url, sandbox.refusal) == (VSOCK, None)


def test_an_id_in_both_directories_is_one_sandbox_whoever_comes_first() -> None:
    go = announced(url="vsock://5:1024", source="directory:/run/vc/sbs")
    rust = announced(url="vsock://6:1024", source="directory:/run/kata")

    for events in ((go, rust), (rust, go)):
        known = known_after(*events)
        assert list(known.entries) == ["box-a"]
        assert known.entries["box-a"].sandbox.agent_url == "vsock://6:1024"


def test_an_address_that_two_sandboxes_announce_is_refused_for_both() -> None:
    first, second = announced("box-a"), announced("box-b")

    change = reconcile(known_after(first), second, next_generation=200)

    assert [s.id for s in change.stopped] == ["box-a"]
    assert {s.id: s.agent_url for s in change.started} == {"box-a": "", "box-b": ""}
    for sandbox, rival in zip(change.started, ("box-b", "box-a"), strict=True):
        assert sandbox.refusal == Refusal(
            "rejected", f"its agent URL {VSOCK} is claimed by {rival} too"
        )


def test_an_address_is_given_back_in_the_generation_that_was_refused_it() -> None:
    """Nothing was asked in it, and the one that was asked before has ended."""
    before = known_after(announced("box-a"), announced("box-b"))

    change = reconcile(before, SandboxGone("directory:/run/kata", "box-b"), next_generation=300)

    assert [s.id for s in change.stopped] == ["box-b"]
    assert [(s.id, s.agent_url, s.refusal) for s in change.updated] == [("box-a", VSOCK, None)]
    assert change.started == ()
    assert change.known.entries["box-a"].sandbox.generation == 200


def test_who_claims_another_address_frees_the_one_it_had() -> None:
    before = known_after(announced("box-a"), announced("box-b"))

    known = reconcile(before, announced("box-b", url="vsock://78:1024"), next_generation=300).known

    urls = {id_: entry.sandbox.agent_url for id_, entry in known.entries.items()}
    assert urls == {"box-a": VSOCK, "box-b": "vsock://78:1024"}
    assert known.claims == {VSOCK: {"box-a"}, "vsock://78:1024": {"box-b"}}


def test_what_an_administrator_wrote_stands_and_a_shim_that_announces_it_is_refused() -> None:
    events = (seen("box-a", url=VSOCK), announced("box-b"))

    for order in (events, events[::-1]):
        known = known_after(*order)
        assert known.entries["box-a"].sandbox.agent_url == VSOCK
        assert known.entries["box-b"].sandbox.agent_url == ""


def test_of_many_rivals_the_first_is_named() -> None:
    known = known_after(*(announced(f"box-{n}") for n in range(6)))

    refusal = known.entries["box-0"].sandbox.refusal
    assert refusal is not None
    assert refusal.detail.endswith("claimed by box-1 and others too")
    known = reconcile(known, SandboxGone(announced().source, "box-1"), next_generation=900).known
    refusal = known.entries["box-0"].sandbox.refusal
    assert refusal is not None
    assert refusal.detail.endswith("claimed by box-2 and others too")


def test_one_more_of_many_claimants_costs_no_more_than_of_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merged = 0
    merge = Told.merged

    def counting(told: Told, generation: int) -> Sandbox:
        nonlocal merged
        merged += 1
        return merge(told, generation)

    monkeypatch.setattr(Told, "merged", counting)
    known = known_after(announced("box-00"))
    costs = []
    for number in range(100):
        merged = 0
        known = reconcile(
            known, announced(f"box-{number + 1:02}"), next_generation=9 * number
        ).known
        costs.append(merged)

    assert max(costs[3:]) <= min(costs[:3])


def test_an_event_costs_little_more_beside_ten_thousand_sandboxes() -> None:
    # Copied item by item, what is known would cost thirty times as much.
    few, many = crowd(10), crowd(10_000)

    assert cost_of_an_event(many) < 15 * cost_of_an_event(few)


def crowd(n: int) -> Known:
    known = NOTHING
    for number in range(n):
        event = announced(f"box-{number}", url=f"vsock://{number + 3}:1024")
        known = reconcile(known, event, next_generation=number + 1).known
    return known


def cost_of_an_event(known: Known) -> float:
    """The least of several times, in seconds."""
    event = announced("box-new", url="vsock://77777:1024")
    return min(
        timeit.repeat(lambda: reconcile(known, event, next_generation=77_777), number=20, repeat=9)
    )
