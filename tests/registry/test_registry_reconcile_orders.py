"""What holds whatever discovery tells, and in whatever order."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.model import (
    Announcement,
    DiscoveryEvent,
    Pod,
    Refusal,
    Runtime,
    Sandbox,
    SandboxGone,
    SandboxSeen,
)
from kata_exporter.registry import Known, reconcile
from reconciled import NOTHING, known_after

_IDS = st.sampled_from(["a1", "b1"])
_SOURCES = st.sampled_from(["static", "directory:/run/kata", "directory:/run/vc/sbs", "cri"])
_URLS = st.sampled_from(["", "vsock://5:1024", "vsock://6:1024"])
_SEEN = st.builds(
    SandboxSeen,
    source=_SOURCES,
    id=_IDS,
    agent_url=_URLS,
    birth=st.sampled_from(["x", "y"]),
    runtime=st.sampled_from(Runtime),
    pod=st.sampled_from([Pod(), Pod("shop", "web-0")]),
    announced=st.sampled_from([None, Announcement(), Announcement("/run/vc/vm")]),
    refusal=st.sampled_from([None, Refusal("timeout", "silent")]),
)
_EVENTS = st.lists(st.one_of(_SEEN, st.builds(SandboxGone, _SOURCES, _IDS)), max_size=20)


@given(_EVENTS)
def test_starts_and_stops_always_pair_up(events: list[DiscoveryEvent]) -> None:
    """At no time are two generations of one id running, and none is stopped that isn't."""
    known = NOTHING
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
        assert {i: e.sandbox.generation for i, e in known.entries.items()} == running


@given(_EVENTS)
def test_no_generation_ever_has_two_addresses(events: list[DiscoveryEvent]) -> None:
    known = NOTHING
    addresses: dict[int, set[str]] = {}
    generation = 0
    for event in events:
        known = reconcile(known, event, next_generation=generation + 1).known
        for entry in known.entries.values():
            generation = max(generation, entry.sandbox.generation)
            if entry.sandbox.agent_url:
                addresses.setdefault(entry.sandbox.generation, set()).add(entry.sandbox.agent_url)

    assert all(len(urls) == 1 for urls in addresses.values())


@given(_EVENTS)
def test_no_address_that_was_announced_is_ever_used_by_two(events: list[DiscoveryEvent]) -> None:
    known = known_after(*events)
    used = [
        entry.sandbox.agent_url
        for entry in known.entries.values()
        if entry.sandbox.announced is not None
    ]
    everywhere = [entry.sandbox.agent_url for entry in known.entries.values()]

    assert all(everywhere.count(url) == 1 for url in used)


@given(_EVENTS, st.integers())
def test_any_interleaving_that_keeps_each_sources_order_ends_alike(
    events: list[DiscoveryEvent], seed: int
) -> None:
    """Generation numbers aside: those tell what happened, the rest what is."""
    one = known_after(*events)
    other = known_after(*_interleaved(events, seed))

    assert _without_numbers(one) == _without_numbers(other)
    assert one.claims == other.claims


def _interleaved(events: Sequence[DiscoveryEvent], seed: int) -> Iterable[DiscoveryEvent]:
    queues: dict[str, list[DiscoveryEvent]] = {}
    for event in events:
        queues.setdefault(event.source, []).append(event)
    rng = random.Random(seed)  # noqa: S311  chooses an order, guards nothing
    while queues:
        source = rng.choice(sorted(queues))
        yield queues[source].pop(0)
        if not queues[source]:
            del queues[source]


def _without_numbers(known: Known) -> Mapping[str, tuple[Sandbox, Mapping[str, SandboxSeen]]]:
    return {
        id_: (replace(entry.sandbox, generation=0), entry.told.sightings)
        for id_, entry in known.entries.items()
    }
