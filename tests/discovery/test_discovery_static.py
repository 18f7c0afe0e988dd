"""Sandboxes that the configuration names."""

from kata_exporter.discovery.static import StaticSource, static_sandbox
from kata_exporter.model import Container, DiscoveryEvent, Pod, Runtime


async def test_tells_of_every_entry_in_its_order_and_of_nothing_more() -> None:
    entries = [static_sandbox(f"box-{n}", "unix:///a", Pod(), ()) for n in range(3)]
    source = StaticSource(entries)
    told: list[DiscoveryEvent] = []

    source.watch(told.append)
    await source.aclose()

    assert told == entries


def test_has_no_shim() -> None:
    entry = static_sandbox("box-a", "unix:///a", Pod(), [Container("c1")])

    assert entry.runtime is Runtime.NONE
    assert entry.containers == (Container("c1"),)


def test_another_pod_under_the_same_id_is_another_birth() -> None:
    first = static_sandbox("box-a", "unix:///a", Pod("shop", "web-0", "u-1"), ())
    second = static_sandbox("box-a", "unix:///a", Pod("shop", "web-0", "u-2"), ())

    assert first.birth != second.birth
