"""Sandboxes that are registered, and their leases."""

import logging
from dataclasses import replace

import pytest

from fake_clock import FakeClock
from kata_exporter.discovery.registration import (
    MAX_REGISTRATIONS,
    RegistrationSource,
)
from kata_exporter.errors import ArgumentError, RegistrationError, UrlError
from kata_exporter.model import (
    MAX_LEASE_SECONDS,
    MIN_LEASE_SECONDS,
    Container,
    DiscoveryEvent,
    OwnOomRules,
    Pod,
    Registration,
    SandboxGone,
    SandboxSeen,
)
from kata_exporter.registry import Registry

BOX = Registration("box-1", "unix:///run/box.sock", Pod("shop", "web-0", "u-1"), (Container("c1"),))


class Watched:
    """A source, and what it told."""

    def __init__(self, clock: FakeClock) -> None:
        self.told: list[DiscoveryEvent] = []
        self.source = RegistrationSource(clock)
        self.source.watch(self.told.append)

    def seen(self) -> list[SandboxSeen]:
        return [event for event in self.told if isinstance(event, SandboxSeen)]


@pytest.fixture
def watched(clock: FakeClock) -> Watched:
    return Watched(clock)


def test_a_registration_is_told_as_an_administrators_word(watched: Watched) -> None:
    assert watched.source.register(BOX, 60.0)

    (seen,) = watched.seen()
    assert (seen.source, seen.id, seen.agent_url) == ("registration", BOX.id, BOX.agent_url)
    assert (seen.pod, seen.containers) == (BOX.pod, BOX.containers)
    assert seen.announced is None


def test_the_agent_url_is_told_in_one_form(watched: Watched) -> None:
    watched.source.register(Registration("box-1", "vsock://0007:01024"), 60.0)
    watched.source.register(Registration("box-2", "remote:///run/peer.sock:1024"), 60.0)

    assert [seen.agent_url for seen in watched.seen()] == [
        "vsock://7:1024",
        "remote:///run/peer.sock",
    ]


def test_a_url_that_cannot_be_read_is_refused_and_registers_nothing(watched: Watched) -> None:
    with pytest.raises(UrlError, match="unknown scheme"):
        watched.source.register(Registration("box-1", "tcp://127.0.0.1:1"), 60.0)

    assert watched.told == []
    assert watched.source.lease_seconds("box-1") is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, 4.999, 3600.1, float("inf"), float("nan")])
def test_a_lease_out_of_bounds_is_refused(watched: Watched, seconds: float) -> None:
    with pytest.raises(ArgumentError, match="lease_seconds"):
        watched.source.register(BOX, seconds)

    assert watched.told == []


@pytest.mark.parametrize("seconds", [MIN_LEASE_SECONDS, MAX_LEASE_SECONDS])
def test_a_sandbox_goes_when_its_lease_ends_and_not_before(
    watched: Watched, clock: FakeClock, seconds: float
) -> None:
    watched.source.register(BOX, seconds)

    clock.advance(seconds - 0.01)
    assert len(watched.told) == 1
    clock.advance(0.01)

    assert watched.told[1:] == [SandboxGone("registration", BOX.id)]
    assert clock.pending == 0


def test_registering_again_renews_the_lease(watched: Watched, clock: FakeClock) -> None:
    assert watched.source.register(BOX, 60.0)
    clock.advance(50.0)

    assert not watched.source.register(BOX, 60.0)

    assert watched.source.lease_seconds(BOX.id) == 60.0
    clock.advance(59.0)
    assert watched.source.lease_seconds(BOX.id) == pytest.approx(1.0)
    clock.advance(1.0)
    assert watched.told[-1] == SandboxGone("registration", BOX.id)


def test_a_shorter_lease_counts_as_well(watched: Watched, clock: FakeClock) -> None:
    watched.source.register(BOX, 3600.0)
    watched.source.register(BOX, 5.0)

    clock.advance(5.0)

    assert watched.told[-1] == SandboxGone("registration", BOX.id)


def test_a_renewal_that_says_the_same_is_not_told_again(watched: Watched) -> None:
    """Each sighting has the container runtime listed, and renewals come all the time."""
    watched.source.register(BOX, 60.0)
    watched.source.register(BOX, 60.0)
    assert len(watched.told) == 1

    watched.source.register(replace(BOX, containers=()), 60.0)

    assert len(watched.told) == 2


def test_only_a_lease_that_nobody_renewed_is_logged(
    watched: Watched, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watched.source.register(BOX, 60.0)
    watched.source.remove(BOX.id)
    watched.source.register(BOX, 60.0)
    assert not caplog.records

    clock.advance(60.0)

    lines = [(r.getMessage(), r.__dict__["fields"]) for r in caplog.records]
    assert lines == [("registration's lease ended", {"sandbox_id": BOX.id})]


def test_a_renewal_keeps_the_generation(watched: Watched) -> None:
    registry = Registry([])
    watched.source.watch(registry.apply)

    watched.source.register(BOX, 60.0)
    watched.source.register(BOX, 60.0)
    watched.source.register(replace(BOX, containers=(Container("c2"),)), 60.0)

    (sandbox,) = registry.sandboxes()
    assert sandbox.generation == 1
    assert sandbox.containers == (Container("c2"),)


@pytest.mark.parametrize(
    "other",
    [
        replace(BOX, agent_url="unix:///run/other.sock"),
        replace(BOX, pod=replace(BOX.pod, uid="u-2")),
    ],
    ids=["agent URL", "pod uid"],
)
def test_another_url_or_pod_uid_is_another_generation(
    watched: Watched, other: Registration
) -> None:
    registry = Registry([])
    watched.source.watch(registry.apply)
    watched.source.register(BOX, 60.0)

    assert not watched.source.register(other, 60.0)

    (sandbox,) = registry.sandboxes()
    assert (sandbox.generation, sandbox.agent_url) == (2, other.agent_url)


def test_what_is_removed_is_gone_at_once_and_its_lease_with_it(
    watched: Watched, clock: FakeClock
) -> None:
    watched.source.register(BOX, 60.0)

    assert watched.source.remove(BOX.id)
    assert not watched.source.remove(BOX.id)

    assert watched.told[1:] == [SandboxGone("registration", BOX.id)]
    assert clock.pending == 0


def test_there_are_no_more_than_there_may_be_and_renewals_go_on(watched: Watched) -> None:
    for number in range(MAX_REGISTRATIONS):
        watched.source.register(Registration(f"box-{number}", "unix:///a"), 60.0)

    with pytest.raises(RegistrationError, match="1000 sandboxes are registered"):
        watched.source.register(Registration("one-more", "unix:///a"), 60.0)
    assert not watched.source.register(Registration("box-7", "unix:///a"), 60.0)

    watched.source.remove("box-0")
    assert watched.source.register(Registration("one-more", "unix:///a"), 60.0)


def test_what_was_registered_before_anybody_watched_is_told_then(clock: FakeClock) -> None:
    source = RegistrationSource(clock)
    source.register(BOX, 60.0)
    told: list[DiscoveryEvent] = []

    source.watch(told.append)

    assert [event.id for event in told] == [BOX.id]


async def test_closing_tells_of_nothing_more_and_leaves_no_timer(
    watched: Watched, clock: FakeClock
) -> None:
    watched.source.register(BOX, 60.0)

    await watched.source.aclose()

    assert clock.pending == 0
    clock.advance(3600.0)
    assert len(watched.told) == 1


def test_rules_for_ooms_are_those_of_the_latest_registration_and_go_with_it(
    watched: Watched,
) -> None:
    rules = OwnOomRules(("agent",))
    assert watched.source.oom_rules(BOX.id) is None

    watched.source.register(replace(BOX, oom=rules), 60.0)
    assert watched.source.oom_rules(BOX.id) == rules

    watched.source.register(BOX, 60.0)
    assert watched.source.oom_rules(BOX.id) == OwnOomRules()

    watched.source.remove(BOX.id)
    assert watched.source.oom_rules(BOX.id) is None
