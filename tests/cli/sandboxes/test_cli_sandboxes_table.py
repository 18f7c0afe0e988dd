"""The table of sandboxes, and what changed between two: pure."""

from dataclasses import replace

import pytest

from kata_exporter.cli.sandboxes.changes import by_id, changes
from kata_exporter.cli.sandboxes.known import KnownSandbox
from kata_exporter.cli.sandboxes.table import Style, age, table

WEB = KnownSandbox(
    id="3f1c0de5aa77bb99",
    generation=1,
    runtime="go",
    agent_url="hvsock:///run/vc/vm/3f1c0de5aa77bb99/clh.sock:1024",
    sources=("directory", "cri"),
    namespace="shop",
    pod="web-0",
    containers=3,
    running=2,
    up=True,
    reason="ok",
    known_seconds=11_520.0,
    published=True,
    lease_seconds=None,
    oom_reported=1,
    oom_kills=4,
)
BUILD = KnownSandbox(
    id="demo-2",
    generation=4,
    runtime="none",
    agent_url="",
    sources=("registration",),
    namespace="",
    pod="",
    containers=0,
    running=0,
    up=False,
    reason="pending",
    known_seconds=3.2,
    published=False,
    lease_seconds=27.9,
)
DOWN = replace(WEB, id="other", pod="api-1", up=False, reason="timeout")


def test_the_table_is_in_the_order_of_pods_and_as_wide_as_it_has_to_be() -> None:
    assert table([WEB, BUILD, DOWN], Style()) == [
        "SANDBOX       POD         RUNTIME  STATE                        CONTAINERS  OOM  AGE    SOURCES                  URL",
        "demo-2        -           none     down: pending (unpublished)  0/0         0/-  3s     registration (27s left)  -",
        f"other         shop/api-1  go       down: timeout                2/3         1/4  3h12m  cri,directory            {WEB.agent_url}",
        f"3f1c0de5aa77  shop/web-0  go       up                           2/3         1/4  3h12m  cri,directory            {WEB.agent_url}",
    ]


def test_on_a_terminal_the_url_gives_way() -> None:
    lines = table([WEB], Style(width=100))

    assert [len(line) for line in lines if "hvsock" in line] == [100]
    assert lines[1].endswith("…")


def test_in_full_length_nothing_is_cut() -> None:
    (_, line) = table([replace(WEB, pod="p" * 200)], Style(width=80, full=True))

    assert all(part in line for part in (WEB.id, "p" * 200, WEB.agent_url))


def test_a_long_name_is_cut_and_what_comes_after_it_stays_in_its_column() -> None:
    lines = table([replace(WEB, pod="p" * 200), BUILD], Style())

    assert "p" * 34 + "…" in lines[2]
    assert (
        len({line.index(word) for line, word in zip(lines, ("AGE", "3s", "3h"), strict=True)}) == 1
    )


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202eevil", "\x07", "\ud800", "\x9b2J"])
def test_what_could_move_a_cursor_is_escaped_in_every_cell(text: str) -> None:
    hostile = KnownSandbox(
        id=text,
        generation=1,
        runtime=text,
        agent_url=text,
        sources=(text,),
        namespace=text,
        pod=text,
        containers=0,
        running=0,
        up=False,
        reason=text,
        known_seconds=0.0,
        published=True,
        lease_seconds=None,
    )

    for style in (Style(), Style(full=True), Style(width=300)):
        lines = [*table([hostile], style), *changes({}, by_id([hostile]), full=style.full)]
        assert all(line.replace("…", "").isascii() and line.isprintable() for line in lines)


def test_colors_stand_around_the_state_alone_and_move_no_column() -> None:
    blocked = replace(WEB, id="b", pod="web-1", reason="policy_blocked")
    plain = table([WEB, BUILD, DOWN, blocked], Style())
    colored = table([WEB, BUILD, DOWN, blocked], Style(color=True))

    assert [line.count("\x1b[") for line in colored] == [0, 2, 2, 2, 2]
    assert [_color(line) for line in colored[1:]] == ["33", "31", "32", "33"]
    for color in ("32", "33", "31", "0"):
        colored = [line.replace(f"\x1b[{color}m", "") for line in colored]
    assert colored == plain


def _color(line: str) -> str:
    return line.partition("\x1b[")[2].partition("m")[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (10_860, "3h1m"),
        (172_800, "2d"),
        (float("nan"), "0s"),
        (float("inf"), "11574074d"),
    ],
)
def test_an_age_has_its_largest_units(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_change_is_told_with_what_it_was_and_an_age_is_none() -> None:
    later = replace(WEB, known_seconds=99_999.0, up=False, reason="timeout", running=0)

    assert changes(by_id([WEB, BUILD]), by_id([later]), full=False) == [
        "gone     demo-2 -",
        "changed  3f1c0de5aa77 shop/web-0: state up -> down: timeout, containers 2/3 -> 0/3",
    ]
    assert changes(by_id([WEB]), by_id([replace(WEB, known_seconds=1.0)]), full=False) == []


def test_another_generation_of_an_id_is_another_sandbox() -> None:
    again = replace(WEB, generation=2)

    assert changes(by_id([WEB]), by_id([again]), full=False) == [
        (
            "replaced 3f1c0de5aa77 shop/web-0: state up, containers 2/3, sources cri,directory,"
            f" url {WEB.agent_url}"
        )
    ]
