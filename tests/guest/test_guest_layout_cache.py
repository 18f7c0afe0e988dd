"""The cache of layouts is bounded, and forgets what was used least."""

from kata_exporter.guest.layout import Layout, lay_out
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.scanner import split_values
from kata_exporter.guest.schema import Schema, schema_for

SCHEMA = schema_for("")
LIMITS = Limits()


def _layout(name: str, schema: Schema = SCHEMA, limits: Limits = LIMITS) -> Layout:
    text = f'kata_guest_netdev_stat{{interface="{name}",item="recv_bytes"}} 1\n'
    return lay_out(*split_values(text), schema, limits)[0]


def _has(cache: LayoutCache, layout: Layout) -> bool:
    return cache.find(*layout.key) is layout


def test_shared_layout_is_found_by_its_skeleton() -> None:
    cache = LayoutCache()
    layout = _layout("a")

    assert cache.find(*layout.key) is None
    assert cache.share(layout) is layout
    assert _has(cache, layout)


def test_equal_layouts_become_one() -> None:
    cache = LayoutCache()
    first, second = _layout("a"), _layout("a")
    cache.share(first)

    assert cache.share(second) is first
    assert len(cache) == 1
    assert cache.bytes == first.size


def test_layouts_of_another_schema_or_other_limits_are_others() -> None:
    cache = LayoutCache()
    old, strict = _layout("a", schema_for("2.4.0")), _layout("a", limits=Limits(series=1))
    layouts = [cache.share(layout) for layout in (_layout("a"), old, strict)]

    assert len(cache) == 3
    assert all(_has(cache, layout) for layout in layouts)


def test_the_one_used_least_recently_goes_first() -> None:
    cache = LayoutCache(max_layouts=2)
    a, b, c = _layout("a"), _layout("b"), _layout("c")
    cache.share(a)
    cache.share(b)
    cache.find(*a.key)
    cache.share(c)

    assert [_has(cache, layout) for layout in (a, b, c)] == [True, False, True]


def test_memory_is_bounded() -> None:
    layouts = [_layout(f"{i:03}") for i in range(100)]
    room = 3 * layouts[0].size
    cache = LayoutCache(max_bytes=room)

    for layout in layouts:
        cache.share(layout)

    assert len(cache) == 3
    assert cache.bytes == room
    assert _has(cache, layouts[-1])


def test_layout_larger_than_the_room_is_not_kept() -> None:
    cache = LayoutCache(max_bytes=10)
    layout = _layout("a")

    assert cache.share(layout) is layout
    assert len(cache) == 0
    assert cache.bytes == 0
