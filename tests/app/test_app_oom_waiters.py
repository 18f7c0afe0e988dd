"""Two waiters for one agent's events: what the exporter leaves to a shim, and what it would take."""

from pathlib import Path

import pytest

from kata_exporter.config.settings import OomSettings
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from oom_node import Node, node_in
from waiting import soon

OBSERVED = {"Check", "Version", "GetMetrics", "StatsContainer", "GetGuestDetails"}
"""All that the exporter may ask of a sandbox that has a shim."""
EVENTS = 6


def _shims(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The containers whose events the shim gets from now on, and tells containerd of."""
    got: list[str] = []
    events = node.fleet.host.events
    publish = events.oom

    def tell(container_id: str) -> object:
        got.append(container_id)
        return publish(container_id)

    monkeypatch.setattr(events, "oom", tell)
    return got


def _kill(node: Node, events: int) -> None:
    """On cgroup v1 every kill but the first has an event."""
    for _ in range(events + 1):
        node.sandbox.kill_for_memory(node.sandbox.containers[0].id)


@pytest.mark.parametrize("version", ["4.1.0", "3.31.0"])
async def test_beside_a_shim_every_event_is_the_shims_and_is_heard_of_by_containerd(
    root: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    async with node_in(root, cgroup=CgroupVersion.V1, version=version) as node:
        got = _shims(node, monkeypatch)
        name = node.sandbox.containers[0].name
        _kill(node, EVENTS)

        await soon(lambda: node.events(name) == str(EVENTS))
        assert len(got) == EVENTS
        await soon(lambda: node.guest_kills() == str(EVENTS + 1))
        assert {request.method for request in node.wire} <= OBSERVED


async def test_agent_beside_a_shim_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oom = OomSettings(source=("agent", "containerd", "vmstat"))
    async with node_in(root, cgroup=CgroupVersion.V1, oom=oom) as node:
        got = _shims(node, monkeypatch)
        _kill(node, EVENTS)

        await soon(lambda: node.events(node.sandbox.containers[0].name) == str(EVENTS))
        assert len(got) == EVENTS
        assert node.asked("GetOOMEvent") == 0
        listed = node.exporter.listed_sandbox(node.sandbox.id)
        assert listed is not None
        assert "its shim waits" in listed.oom_refusal


async def test_a_second_waiter_that_is_allowed_takes_events_away(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the tests above show something: the simulated agent has one taker for each event."""
    oom = OomSettings(source=("agent", "vmstat"), only_consumer=True)
    async with node_in(root, cgroup=CgroupVersion.V1, oom=oom) as node:
        got = _shims(node, monkeypatch)
        _kill(node, EVENTS)

        await soon(lambda: node.guest_kills() == str(EVENTS + 1))
        await soon(lambda: node.outcomes("agent").get("counted", 0) > 0)
        await soon(lambda: len(got) + node.outcomes("agent")["counted"] == EVENTS)
        assert len(got) < EVENTS
