"""Events that come early, late, twice, out of order or never, and files instead of events."""

import time
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter.config.settings import OomSettings
from kata_exporter.model import Sandbox
from kata_exporter.oom_accounting import ASK_SOON_GAP_SECONDS
from kata_exporter.simulator import Victim
from oom_node import Node, node_in
from rig import samples
from waiting import soon


class Withheld:
    """Events that containerd publishes and nobody gets, until they are told."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[events_pb2.Envelope] = []
        feed = node.fleet.host.events
        self._forward: Callable[[events_pb2.Envelope], None] = feed.forward
        monkeypatch.setattr(feed, "forward", self.events.append)

    def tell(self, topic: str = "") -> None:
        """Tell those of a topic, the latest first."""
        for envelope in reversed(self.events):
            if topic in envelope.topic:
                self._forward(envelope)


async def test_what_the_stream_dropped_doubled_and_turned_round_counts_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node_in(root) as node:
        container = node.sandbox.containers[0]
        withheld = Withheld(node, monkeypatch)
        node.sandbox.kill_for_memory(container.id, Victim.INIT)
        assert {event.topic for event in withheld.events} == {"/tasks/oom", "/tasks/exit"}
        # Nothing is heard of it, but CRI lists every 10 s what has exited.
        await soon(lambda: node.events(container.name) == "1", within=25)
        assert node.outcomes("cri") == {"counted": 1}

        for _ in range(3):
            withheld.tell()
        await soon(lambda: node.outcomes("containerd") == {"duplicate": 3})

        assert node.events(container.name) == "1"


async def test_an_event_that_comes_before_its_sandbox_is_known_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node_in(root) as node:
        publish = node.exporter._publisher.started
        told: list[Sandbox] = []
        monkeypatch.setattr(node.exporter._publisher, "started", told.append)
        sandbox = await node.fleet.add()
        container = sandbox.containers[0]
        seen = (await soon(lambda: told))[0]
        sandbox.kill_for_memory(container.id)
        heard = node.exporter._oom._ledger._waiting
        await soon(lambda: [event.container_id for _, event in heard] == [container.id])
        assert node.events(container.name, sandbox.id) is None

        monkeypatch.undo()
        publish(node.exporter._registry.sandbox(sandbox.id) or seen)

        await soon(lambda: node.events(container.name, sandbox.id) == "1")
        assert node.outcomes("containerd") == {"counted": 1}


async def test_an_event_that_comes_after_its_sandbox_has_gone_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node_in(root) as node:
        sandbox, container = node.sandbox, node.sandbox.containers[0]
        withheld = Withheld(node, monkeypatch)
        sandbox.kill_for_memory(container.id)
        await node.fleet.remove(sandbox)
        await soon(lambda: not samples(node.page(), "kata_sandbox_up"))
        assert node.events(container.name, sandbox.id) is None

        withheld.tell("/tasks/oom")

        await soon(lambda: node.events(container.name, sandbox.id) == "1")


async def test_the_sandbox_that_takes_a_pods_place_begins_at_0_and_the_old_count_stays(
    root: Path,
) -> None:
    async with node_in(root) as node:
        old = node.sandbox
        name = old.containers[0].name
        for _ in range(2):
            old.kill_for_memory(old.containers[0].id)
        await soon(lambda: node.events(name, old.id) == "1" and node.guest_kills() == "2")
        new = await node.fleet.replace(old)
        await soon(lambda: node.guest_kills() == "0")

        assert node.events(name, new.id) == "0"
        assert node.events(name, old.id) == "1"
        assert node.value("kata_guest_oom_kills_total", old.id) == "2"


async def test_an_event_has_the_guest_asked_at_once_and_many_do_not_more_often(
    root: Path,
) -> None:
    async with node_in(root) as node:
        settings = node.exporter._settings
        node.exporter._collection.configure(
            interval_seconds=3600,
            timeout_seconds=5,
            concurrency=8,
            collectors=settings.collectors.enabled,
        )
        asked, began = node.asked("GetMetrics"), time.monotonic()
        container = node.sandbox.containers[0]
        for _ in range(50):
            node.sandbox.kill_for_memory(container.id)
            node.fleet.host.events.oom(container.id)

        await soon(lambda: node.outcomes("containerd").get("counted", 0) > 1)
        await soon(lambda: node.guest_kills() != "0")
        lasted = time.monotonic() - began
        assert node.asked("GetMetrics") <= asked + 1 + lasted / ASK_SOON_GAP_SECONDS


def _looks(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many containers each look for files from now on is about."""
    looks: list[int] = []
    wanted = node.exporter._oom._crio._wanted

    def counted() -> Collection[str]:
        found = wanted()
        looks.append(len(found))
        return found

    monkeypatch.setattr(node.exporter._oom._crio, "_wanted", counted)
    return looks


async def test_a_file_of_cri_o_counts_once_and_has_the_guest_asked_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = root / "bundles"
    bundles.mkdir()
    oom = OomSettings(source=("crio", "vmstat"), crio_bundles=str(bundles))
    async with node_in(root, oom=oom) as node:
        container = node.sandbox.containers[0]
        bundle = bundles / container.id / "userdata"
        bundle.mkdir(parents=True)
        (bundle / "oom").touch()

        await soon(lambda: node.events(container.name) == "1")
        assert node.value("kata_sandbox_oom_source", 'source="crio"') == "1"
        # Looked at again, it is the same file; and containerd wasn't chosen.
        looks = _looks(node, monkeypatch)
        node.fleet.host.events.oom(container.id)
        for _ in range(2):
            before = len(looks)
            node.exporter._oom._crio.look_soon()
            await soon(lambda before=before: len(looks) > before)  # type: ignore[misc]
        await soon(lambda: 'containerd_events_total{topic="/tasks/oom"} 1.0' in node.page())
        assert node.events(container.name) == "1"
        assert node.outcomes("crio") == {"counted": 1}
        assert node.outcomes("containerd") == {}
