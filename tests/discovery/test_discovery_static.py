"""Sandboxes that the configuration names."""

import pytest

from kata_exporter.discovery.static import StaticSource, static_sandbox
from kata_exporter.model import (
    Container,
    DiscoveryEvent,
    Pod,
    Runtime,
    SandboxGone,
    SandboxSeen,
)


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


def box(name: str, url: str = "unix:///a", *containers: Container) -> SandboxSeen:
    return static_sandbox(name, url, Pod(), containers)


def test_those_that_left_are_told_first_then_new_and_changed_ones_and_nothing_of_equal_ones() -> (
    None
):
    told: list[DiscoveryEvent] = []
    source = StaticSource([box("box-a"), box("box-b"), box("box-c")])
    source.watch(told.append)
    told.clear()

    source.replace([box("box-d"), box("box-b"), box("box-c", "unix:///a", Container("c1"))])

    assert told == [
        SandboxGone("static", "box-a"),
        box("box-d"),
        box("box-c", "unix:///a", Container("c1")),
    ]


def test_another_order_is_no_change() -> None:
    told: list[DiscoveryEvent] = []
    source = StaticSource([box("box-a"), box("box-b")])
    source.watch(told.append)
    told.clear()

    source.replace([box("box-b"), box("box-a")])

    assert told == []


async def test_what_changes_before_anybody_watches_is_told_once_and_after_the_end_nothing_is() -> (
    None
):
    told: list[DiscoveryEvent] = []
    source = StaticSource([box("box-a")])
    source.replace([box("box-b")])
    source.watch(told.append)
    await source.aclose()

    source.replace([])

    assert told == [box("box-b")]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("vsock://03:01024", "vsock://3:1024"),
        ("remote:///run/a.sock:1024", "remote:///run/a.sock"),
        ("hvsock:///run/a.sock:1024", "hvsock:///run/a.sock:1024"),
        ("http://a", "http://a"),
        ("vsock://3", "vsock://3"),
    ],
)
def test_a_url_is_told_in_one_way_of_writing_it_and_one_that_is_none_as_it_is(
    written: str, told: str
) -> None:
    seen = box("box-a", written)

    assert seen.agent_url == told
    assert seen == box("box-a", told)
