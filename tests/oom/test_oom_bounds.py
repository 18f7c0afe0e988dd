"""What the ledger remembers is bounded, and what gives way is told of or keeps its count."""

import pytest

from fake_clock import FakeClock
from kata_exporter.model import Pod
from kata_exporter.oom.account import MAX_CONTAINERS, MAX_NAMES
from kata_exporter.oom.ledger import MAX_GONE, MAX_WAITING, WAITING_SECONDS
from oom_rig import RETENTION_SECONDS, LedgerRig, sandbox


@pytest.fixture
def rig(clock: FakeClock) -> LedgerRig:
    return LedgerRig(clock)


def test_only_so_many_events_wait(rig: LedgerRig) -> None:
    for n in range(MAX_WAITING + 5):
        rig.oom(f"c{n}")
    rig.exited("nobody", rig.now_ns)

    assert len(rig.ledger._waiting) == MAX_WAITING
    assert rig.outcomes == {("containerd", "unknown"): 5}


def test_container_ids_that_are_too_many_keep_their_count_under_the_name(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c0"))
    for n in range(MAX_CONTAINERS + 10):
        rig.ledger.updated(sandbox("sb1", f"web:c{n}"))
        rig.oom(f"c{n}")

    assert rig.events("web") == str(MAX_CONTAINERS + 10)
    account = next(iter(rig.ledger._accounts.values()))
    assert len(account.containers) == MAX_CONTAINERS
    rig.oom("c0", at=rig.now_ns + 1)
    assert rig.events("web") == str(MAX_CONTAINERS + 10)


def test_a_name_too_many_takes_the_place_of_the_oldest_that_has_nothing_to_show(
    rig: LedgerRig,
) -> None:
    rig.start(sandbox("sb1", "first", "busy"))
    rig.oom("first")
    for n in range(MAX_NAMES - 2):
        rig.ledger.updated(sandbox("sb1", f"n{n}", "busy"))
    rig.ledger.updated(sandbox("sb1", "one-more", "busy"))
    rig.oom("one-more")

    assert (rig.events("one-more"), rig.events("first"), rig.events("busy")) == ("1", "1", "0")
    assert (rig.events("n0"), rig.events("n1")) == (None, "0")
    account = next(iter(rig.ledger._accounts.values()))
    assert len(account.names) == len(account.containers) == MAX_NAMES
    assert rig.outcomes == {("containerd", "counted"): 2}


def test_events_of_a_name_too_many_are_told_of_at_once_where_no_name_is_idle(
    rig: LedgerRig,
) -> None:
    names = [f"n{n}" for n in range(MAX_NAMES + 1)]
    rig.start(sandbox("sb1", *names))
    rig.oom(names[-1])
    rig.exited(names[-1], rig.now_ns)
    rig.oom(names[0])

    assert (rig.events(names[-1]), rig.events(names[0])) == (None, "1")
    assert rig.outcomes == {("containerd", "passed_over"): 1, ("containerd", "counted"): 1}
    rig.ledger.updated(sandbox("sb1", *names[1:]))
    rig.oom(names[-1])
    assert rig.outcomes["containerd", "passed_over"] == 2
    rig.ledger.updated(sandbox("sb1", *names[2:]))
    rig.oom(names[-1])
    assert rig.events(names[-1]) == "1"


def test_names_stay_bounded_when_a_sandbox_changes_its_own(rig: LedgerRig) -> None:
    """Those of both accounts are too many for one, and all of them have counted."""
    for n in range(3):
        pairs = [f"n{n}-{m}" for m in range(MAX_NAMES)]
        seen = rig.start(sandbox("sb1", *pairs, generation=n + 1, pod=Pod()))
        for container_id in pairs:
            rig.oom(container_id)
        rig.ledger.updated(sandbox("sb1", *pairs, generation=n + 1))
        rig.ledger.stopped(seen)

    (account,) = rig.ledger._accounts.values()
    assert len(account.names) == MAX_NAMES
    assert len(account.containers) <= MAX_CONTAINERS
    assert rig.events("n0-0") == "1"


def test_an_event_of_a_container_that_gave_way_finds_nobody_after_its_sandbox(
    rig: LedgerRig,
) -> None:
    for n in range(MAX_CONTAINERS + 1):
        rig.ledger.updated(sandbox("sb1", f"web:c{n}"))
    assert len(rig.ledger._owners) == MAX_CONTAINERS
    rig.ledger.stopped(sandbox("sb1"))
    rig.clock.advance(RETENTION_SECONDS)
    rig.oom("c0")
    rig.clock.advance(WAITING_SECONDS)

    assert rig.series() == {}
    assert rig.outcomes == {("containerd", "unknown"): 1}
    assert len(rig.ledger._owners) == 0


def test_only_so_many_sandboxes_are_kept_after_death(rig: LedgerRig) -> None:
    for n in range(MAX_GONE + 3):
        seen = rig.start(sandbox(f"sb{n:05}", f"web:c{n}"))
        rig.ledger.stopped(seen)

    assert len(rig.ledger._accounts) == MAX_GONE
    assert len(rig.ledger._owners) == MAX_GONE
