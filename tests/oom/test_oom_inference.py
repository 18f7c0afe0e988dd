"""A kill that no event named is a container's only where it can have been no other's."""

import pytest

from fake_clock import FakeClock
from kata_exporter.model import ContainerMemory, MemoryReading, OomKind, Pod
from kata_exporter.oom.inference import culprit
from oom_rig import MIB, LedgerRig, at_limit, sandbox


def _memory(used: int, limit: int | None) -> ContainerMemory:
    return ContainerMemory(used * MIB, None if limit is None else limit * MIB)


@pytest.mark.parametrize(
    ("containers", "available", "expected"),
    [
        ({"a": _memory(64, 64)}, 500, "a"),
        ({"a": _memory(95, 100)}, 500, "a"),
        ({"a": _memory(94, 100)}, 500, None),
        ({"a": _memory(64, None)}, 500, None),
        ({"a": _memory(64, 64), "b": _memory(10, 64)}, 500, "a"),
        ({"a": _memory(64, 64), "b": _memory(64, 64)}, 500, None),
        ({"a": _memory(64, 64)}, 52, "a"),
        ({"a": _memory(64, 64)}, 51, None),
        # It would have run into the end of the guest's memory first.
        ({"a": _memory(1900, 2000)}, 99, None),
        ({"a": _memory(1900, 2000)}, 100, "a"),
        ({}, 500, None),
    ],
)
def test_culprit(containers: dict[str, ContainerMemory], available: int, expected: object) -> None:
    assert culprit(MemoryReading(1, available * MIB, 1024 * MIB, containers)) == expected


def test_without_the_guests_memory_nobody_is() -> None:
    containers = {"a": _memory(64, 64)}

    assert culprit(None) is None
    assert culprit(MemoryReading(1, None, 1024 * MIB, containers)) is None
    assert culprit(MemoryReading(1, 500 * MIB, None, containers)) is None


@pytest.fixture
def rig(clock: FakeClock) -> LedgerRig:
    return LedgerRig(clock)


def test_kills_beside_an_event_are_inferred_and_the_event_is_not(rig: LedgerRig) -> None:
    """Four kills on cgroup v2 give one event."""
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=0))
    rig.oom("c1")
    rig.ledger.read(seen, at_limit("c1", kills=4))
    assert (rig.guest_kills(), rig.inferred("web")) == ("4", "0")
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=4))

    assert (rig.guest_kills(), rig.events("web"), rig.inferred("web")) == ("4", "1", "3")
    inferred = rig.told[-1]
    assert (inferred.kind, inferred.kills, inferred.container) == (OomKind.INFERRED, 3, "web")


def test_an_event_that_comes_a_little_after_its_kill_still_names_it(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=0))
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.clock.advance(4)
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.oom("c1")
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=1))

    assert (rig.events("web"), rig.inferred("web")) == ("1", "0")


def test_it_is_the_reading_before_the_kill_that_counts(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    calm = MemoryReading(0, 500 * MIB, 1024 * MIB, {"c1": _memory(1, 64)})
    rig.ledger.read(seen, calm)
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=1))

    assert rig.inferred("web") == "0"
    assert [told.kind for told in rig.told] == [OomKind.UNATTRIBUTED]


def test_a_guest_that_is_too_small_is_not_read_as_a_containers_limit(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=0, available=9 * MIB))
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=1))

    assert (rig.guest_kills(), rig.inferred("web")) == ("1", "0")


def test_kills_from_before_the_first_reading_are_nobodys(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    for _ in range(3):
        rig.ledger.read(seen, at_limit("c1", kills=7))
        rig.clock.advance(15)

    assert (rig.guest_kills(), rig.inferred("web"), rig.told) == ("7", "0", [])


def test_a_count_that_falls_is_not_believed(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=5))
    rig.ledger.read(seen, at_limit("c1", kills=3))

    assert rig.guest_kills() == "5"
    assert rig.rejected == {"oom_kills_fell": 1}


def test_a_count_that_leaps_is_not_believed(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=5))
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=1_000_005))
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=6))
    rig.clock.advance(15)
    rig.ledger.read(seen, at_limit("c1", kills=6))

    assert (rig.guest_kills(), rig.inferred("web")) == ("6", "1")
    assert rig.rejected == {"oom_kills_leapt": 1}


def test_a_reading_without_the_count_leaves_it(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=5))
    rig.ledger.read(seen, at_limit("c1", kills=None))

    assert rig.guest_kills() == "5"


def _kills(rig: LedgerRig) -> list[tuple[OomKind, int, str]]:
    return [(told.kind, told.kills, told.container) for told in rig.told]


def test_kills_that_wait_for_an_event_are_settled_when_the_sandbox_stops(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=0))
    rig.oom("c1")
    rig.ledger.read(seen, at_limit("c1", kills=3))
    rig.ledger.stopped(seen)

    assert (rig.guest_kills(), rig.events("web"), rig.inferred("web")) == ("3", "1", "2")
    assert _kills(rig)[1:] == [(OomKind.INFERRED, 2, "web")]


@pytest.mark.parametrize("pod", [Pod("shop", "web-0"), Pod()])
def test_kills_that_wait_are_settled_when_another_guest_takes_its_place(
    rig: LedgerRig, pod: Pod
) -> None:
    seen = rig.start(sandbox("sb1", "web:c1", pod=pod))
    rig.ledger.read(seen, at_limit("c1", kills=0))
    rig.ledger.read(seen, at_limit("c1", kills=3))
    again = sandbox("sb1", "web:c2", generation=2)
    rig.ledger.updated(again)

    assert (rig.guest_kills(), rig.inferred("web")) == (None, "3")
    assert _kills(rig) == [(OomKind.INFERRED, 3, "web")]
    for _ in range(2):
        rig.ledger.read(again, at_limit("c2", kills=1))
        rig.clock.advance(15)
    assert rig.inferred("web") == "3"


def test_kills_that_wait_and_are_nobodys_are_told_of_when_the_sandbox_stops(
    rig: LedgerRig,
) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit(kills=0))
    rig.ledger.read(seen, at_limit(kills=2))
    rig.ledger.stopped(seen)

    assert rig.inferred("web") is None
    assert _kills(rig) == [(OomKind.UNATTRIBUTED, 2, "")]


def test_a_reading_that_changes_nothing_renders_nothing_anew(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1", kills=1))
    (before,) = rig.ledger.views()
    rig.ledger.read(seen, at_limit("c1", kills=1))
    (after,) = rig.ledger.views()
    rig.ledger.read(seen, at_limit("c1", kills=2))
    (later,) = rig.ledger.views()

    assert after.host is before.host
    assert later.host is not before.host
    assert rig.guest_kills() == "2"
