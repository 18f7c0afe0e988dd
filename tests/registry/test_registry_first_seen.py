"""Since when a sandbox is known."""

import pytest

from fake_clock import FakeClock
from kata_exporter.model import Pod, SandboxGone, SandboxSeen
from kata_exporter.registry import FirstSeen, Registry


def test_a_generation_ages_from_first_sight_whatever_is_said_of_it_later(clock: FakeClock) -> None:
    first_seen = FirstSeen(clock)
    registry = Registry([first_seen])
    registry.apply(SandboxSeen("cri", "a1", "", "x"))
    clock.advance(10.0)

    registry.apply(SandboxSeen("cri", "a1", "unix:///a", "x", pod=Pod("shop", "web-0")))

    assert first_seen.age_seconds("a1") == 10.0


def test_the_next_generation_begins_anew_and_a_sandbox_that_is_gone_is_forgotten(
    clock: FakeClock,
) -> None:
    first_seen = FirstSeen(clock)
    registry = Registry([first_seen])
    registry.apply(SandboxSeen("cri", "a1", "unix:///a", "x"))
    clock.advance(10.0)

    registry.apply(SandboxSeen("cri", "a1", "unix:///a", "y"))
    assert first_seen.age_seconds("a1") == 0.0

    registry.apply(SandboxGone("cri", "a1"))
    with pytest.raises(KeyError):
        first_seen.age_seconds("a1")
