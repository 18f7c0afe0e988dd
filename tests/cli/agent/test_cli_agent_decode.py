"""Values from a command line: by annotation, exact, and with one line for what isn't one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.agent.types import (
    AgentConfig,
    Command,
    IPAddress,
    IPFamily,
    MemcgConfig,
    NineP,
    ProcessListFormat,
    ProcessListOptions,
    Route,
    SandboxConfig,
    VirtioFs,
    VirtioFsCache,
    oci,
)
from kata_exporter.cli.agent.decode import ParameterError, described, from_json, from_text
from kata_exporter.cli.agent.encode import json_page
from kata_exporter.model import Container

ROUTES = Sequence[Route] | None


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("4", int, 4),
        ("-1", int, -1),
        ("0x100000000", int, 1 << 32),
        ("18446744073709551615", int, 2**64 - 1),
        ("007", int, 7),
        ("true", bool, True),
        ("false", bool, False),
        ("0.5", float, 0.5),
        ("", str, ""),
        ("a=b", str, "a=b"),
        ("tränen", bytes, "tränen".encode()),
        ("a\udcff", bytes, b"a\xff"),
        ("ctr-one", Container, Container("ctr-one")),
        ("/etc/x", Path, Path("/etc/x")),
        ("2026-01-02T03:04:05Z", datetime, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("table", ProcessListFormat, ProcessListFormat.TABLE),
        ("5", int | None, 5),
    ],
)
def test_text_becomes_what_the_parameter_is(text: str, hint: Any, value: object) -> None:
    made = from_text("p", text, hint)

    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "hint", "should_be"),
    [
        ("", int, "a whole number"),
        ("1.0", int, "a whole number"),
        ("1_000", int, "a whole number"),
        (" 1", int, "a whole number"),
        ("٣", int, "a whole number"),
        ("0x", int, "a whole number"),
        ("9" * 41, int, "a whole number"),
        ("True", bool, "true or false"),
        ("1", bool, "true or false"),
        ("nan", float, "a number"),
        ("x", float, "a number"),
        ("yesterday", datetime, "a time, as 2026-01-02T03:04:05Z"),
        ("xml", ProcessListFormat, "one of json, table"),
        ("x", int | None, "a whole number, or null"),
    ],
)
def test_text_that_is_something_else_is_named(text: str, hint: Any, should_be: str) -> None:
    with pytest.raises(ParameterError) as caught:
        from_text("p", text, hint)

    assert str(caught.value).startswith("p is '")
    assert str(caught.value).endswith(f": it should be {should_be}")


@pytest.mark.parametrize(
    ("hint", "should_be"),
    [
        (Command, "an object, Command"),
        (ROUTES, "a list, each an object, Route, or null"),
        (Sequence[int], "a list, each a whole number"),
    ],
)
def test_what_is_made_of_others_is_given_as_json(hint: Any, should_be: str) -> None:
    with pytest.raises(ParameterError) as caught:
        from_text("p", "{}", hint)

    assert str(caught.value) == f"p can't be given by --param: it should be {should_be}, in --json"


@pytest.mark.parametrize(
    ("value", "hint", "made"),
    [
        (None, ROUTES, None),
        ([], ROUTES, ()),
        (
            [{"dest": "10.0.0.0/8", "family": "v6"}],
            ROUTES,
            (Route("10.0.0.0/8", family=IPFamily.V6),),
        ),
        ([1, 2], Sequence[int], (1, 2)),
        ({"base64": "/wA="}, bytes, b"\xff\x00"),
        ("€", bytes, "€".encode()),
        (1, float, 1.0),
        ("ctr-one", Container, Container("ctr-one")),
        ({"swap": False}, MemcgConfig, MemcgConfig(swap=False)),
        ({"swap": None}, MemcgConfig, MemcgConfig()),
        (
            {"args": ["ls", "-l"], "env": {"A": "b"}, "terminal": True},
            Command,
            Command(("ls", "-l"), env={"A": "b"}, terminal=True),
        ),
        (
            {"id": "sb", "share_path": "/a", "shared_fs": {"VirtioFs": {"cache": "never"}}},
            SandboxConfig,
            SandboxConfig("sb", share_path=Path("/a"), shared_fs=VirtioFs(VirtioFsCache.NEVER)),
        ),
        (
            {"id": "sb", "shared_fs": {"NineP": {}}},
            SandboxConfig,
            SandboxConfig("sb", shared_fs=NineP()),
        ),
        (
            {"process": {"user": {"additional_gids": [1]}}, "linux": {"sysctl": {"a.b": "1"}}},
            oci.Spec,
            oci.Spec(
                process=oci.Process(user=oci.User(additional_gids=(1,))),
                linux=oci.Linux(sysctl={"a.b": "1"}),
            ),
        ),
    ],
)
def test_json_becomes_what_the_parameter_is(value: Any, hint: Any, made: object) -> None:
    assert from_json("p", value, hint) == made


@pytest.mark.parametrize(
    ("value", "hint", "line"),
    [
        (True, int, "p is true: it should be a whole number"),
        (1.0, int, "p is 1.0: it should be a whole number"),
        (1, bool, "p is 1: it should be true or false"),
        (None, int, "p is null: it should be a whole number"),
        ("1", int, 'p is "1": it should be a whole number'),
        (1, str, "p is 1: it should be a text"),
        (True, float, "p is true: it should be a number"),
        (float("inf"), float, "p is Infinity: it should be a number"),
        (10**400, float, "p is 1000"),
        ([1], bytes, 'p is [1]: it should be bytes: UTF-8 text or {"base64": "…"}'),
        ("\ud800", bytes, r'p is "\ud800": it should be bytes: UTF-8 text or {"base64": "…"}'),
        ({"base64": "x"}, bytes, 'p is {"base64": "x"}: it should be bytes: '),
        ({"base64": "eA==", "x": 1}, bytes, 'p is {"base64": "eA==", "x": 1}: it should be bytes'),
        ({"id": "a"}, Container, 'p is {"id": "a"}: it should be the id of a container'),
        (7, Path, "p is 7: it should be a path on this host"),
        ("now", datetime, 'p is "now": it should be a time, as 2026-01-02T03:04:05Z'),
        ({}, Sequence[int], "p is {}: it should be a list, each a whole number"),
        ("ab", Sequence[int], 'p is "ab": it should be a list, each a whole number'),
        ([1, "x"], Sequence[int], 'p[1] is "x": it should be a whole number'),
        ([], Command, "p is []: it should be an object, Command"),
        ({}, Command, "p.args is missing: it should be a list, each a text"),
        ({"args": "ls"}, Command, 'p.args is "ls": it should be a list, each a text'),
        (
            {"args": ["ls"], "usr": "0"},
            Command,
            "p has no 'usr', being a Command; did you mean 'user'?",
        ),
        (
            {"args": ["ls"], "env": {"A\n": 1}},
            Command,
            r"p.env['A\n'] is 1: it should be a text",
        ),
        (
            {"format": "xml"},
            ProcessListOptions,
            'p.format is "xml": it should be one of json, table',
        ),
        ({"format": 3}, ProcessListOptions, "p.format is 3: it should be one of json, table"),
        ({"format": []}, ProcessListOptions, "p.format is []: it should be one of json, table"),
        (
            {"id": "sb", "shared_fs": {"msize_bytes": 1}},
            SandboxConfig,
            (
                'p.shared_fs is {"msize_bytes": 1}: it should be {"VirtioFs": {…}} or'
                ' {"NineP": {…}}, or null'
            ),
        ),
        (
            {"id": "sb", "shared_fs": {"NineP": {"size": 1}}},
            SandboxConfig,
            "p.shared_fs.NineP has no 'size', being a NineP; it is one of msize_bytes",
        ),
        ({"address": "a", "mask": 24}, IPAddress, "p.mask is 24: it should be a text"),
    ],
)
def test_json_that_is_something_else_is_named_with_its_place(
    value: Any, hint: Any, line: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        from_json("p", value, hint)

    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_value_that_is_nested_too_deeply_to_be_shown_is_a_line_all_the_same() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(ParameterError) as caught:
        from_json("p", value, int)
    assert str(caught.value) == "p is nested too deeply: it should be a whole number"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def line_of(value: Any, hint: Any) -> str:
    """Return what is wrong with a value; empty if nothing is."""
    try:
        from_json("p", value, hint)
    except ParameterError as error:
        return str(error)
    return ""


@given(JSON, st.sampled_from([int, bytes, Command, SandboxConfig, ROUTES, oci.Spec, Container]))
def test_any_json_is_a_value_or_one_short_line(value: Any, hint: Any) -> None:
    line = line_of(value, hint)

    assert line.isprintable()
    assert len(line) < 500
    assert not line or line.startswith("p")


@given(st.binary())
def test_bytes_that_are_printed_are_the_bytes_that_can_be_given(data: bytes) -> None:
    assert from_json("p", json.loads(json_page(data)), bytes) == data


def test_every_type_that_is_taken_has_words() -> None:
    assert described(AgentConfig) == "an object, AgentConfig"
    assert described(Path | None) == "a path on this host, or null"
