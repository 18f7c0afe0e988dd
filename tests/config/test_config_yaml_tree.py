"""YAML text as a tree, by both of PyYAML's parsers."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.config import yaml_tree
from kata_exporter.config.problems import Problems
from kata_exporter.config.yaml_tree import Items, Node, Refused, Scalar, Table, build_tree
from kata_exporter.errors import ConfigError

LOADERS = [
    pytest.param(yaml.SafeLoader, id="python"),
    pytest.param(
        getattr(yaml, "CSafeLoader", None),
        id="libyaml",
        marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml"),
    ),
]


@pytest.fixture(autouse=True, params=LOADERS)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each test with either parser."""
    monkeypatch.setattr(yaml_tree, "_LOADER", request.param)
    return iter([None])


def tree(text: str) -> Node:
    problems = Problems()
    node = build_tree(text, "c.yaml", problems)
    problems.raise_if_any()
    return node


def reported(problems: Problems) -> list[str]:
    try:
        problems.raise_if_any()
    except ConfigError as error:
        return str(error).split("\n")
    return []


def errors(text: str) -> list[str]:
    problems = Problems()
    build_tree(text, "c.yaml", problems)
    return reported(problems)


def plain(node: Node) -> Any:
    """Return a tree without its lines."""
    match node:
        case Scalar():
            return node.text
        case Table():
            return {name: plain(value) for name, value in node.values.items()}
        case Items():
            return [plain(value) for value in node.values]
        case Refused():
            return node


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n...\n", "--- {}\n"])
def test_an_empty_document_is_empty(text: str) -> None:
    node = tree(text)

    assert plain(node) in ({}, "")


def test_nodes_know_their_lines() -> None:
    node = tree("a: 1\nb:\n  - x\n  - c: y\n")

    assert isinstance(node, Table)
    assert node.key_lines == {"a": 1, "b": 2}
    assert node.values["a"] == Scalar("1", "int", 1)
    second = node.values["b"]
    assert isinstance(second, Items)
    assert second.values[0] == Scalar("x", "str", 3)
    assert second.values[1] == Table({"c": Scalar("y", "str", 4)}, {"c": 4}, 4)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("no", "bool"),
        ("on", "bool"),
        ("'no'", "str"),
        ('"15"', "str"),
        ("15", "int"),
        ("0o17", "str"),
        ("1.5", "float"),
        ("~", "null"),
        ("2024-01-01", "timestamp"),
        ("15s", "str"),
        ("|\n  15\n", "str"),
    ],
)
def test_a_scalar_tells_what_yaml_takes_it_for(text: str, kind: str) -> None:
    node = tree(f"a: {text}")

    assert isinstance(node, Table)
    value = node.values["a"]
    assert isinstance(value, Scalar)
    assert value.kind == kind


def test_a_key_given_twice_is_an_error_with_both_lines() -> None:
    assert errors("a:\n  b: 1\n  c: 2\n  b: 3\n") == [
        "c.yaml:4: a.b: given twice, first in line 2: keep one"
    ]


def test_an_alias_is_refused_and_never_followed() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )

    lines = errors(bomb)

    assert len(lines) == 40
    assert lines[0] == "c.yaml:2: b[0]: aliases (*name) are not read: write the value out"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: !!python/object:os.system x", "c.yaml:1: a: tags such as"),
        ("a: !!str 1", "c.yaml:1: a: tags such as"),
        ("a: !mine [1]", "c.yaml:1: a: tags such as"),
        ("!!str a: 1", "c.yaml:1: tags such as"),
        ("*a : 1", "c.yaml:1: aliases"),
        ("? [x, y]\n: 1", "c.yaml:1: a key that is no word"),
        ("a: 1\n---\nb: 2\n", "c.yaml:2: a second document begins"),
        ("a: 1\n\tb: 2\n", "c.yaml:2: not valid YAML: "),
        ("a: [1, 2\nb: 3\n", "c.yaml:2: not valid YAML: "),
        ("a: 'x\n", "c.yaml:2: not valid YAML: "),
        ("a: \x07", "c.yaml:1: the character '\\x07' is not allowed"),
        ("a: 1\nb: \ufffe", "c.yaml:2: the character '\\ufffe' is not allowed"),
        ('a: "\\UFFFFFFFF"', "c.yaml:1: not valid YAML: "),
        ("%YAML 7.0\n--- a", "c.yaml:1: not valid YAML: "),
        ("a: &b", None),
    ],
)
def test_what_is_not_read_is_named_with_its_line(text: str, line: str | None) -> None:
    if line is None:
        assert plain(tree(text)) == {"a": ""}
    else:
        assert any(found.startswith(line) for found in errors(text)), errors(text)


@pytest.mark.parametrize("text", ["a:\n\tb: 2\n", "a:\n  b: 1\n\tc: 2\n"])
def test_a_tab_is_answered_with_the_advice_to_use_spaces(text: str) -> None:
    assert "spaces, not tabs" in errors(text)[0]


def test_depth_is_bounded() -> None:
    lines = errors("a: " + "[" * 100_000)

    assert len(lines) == 1
    assert "nested deeper than 16 levels" in lines[0]


def test_text_after_the_first_bad_line_is_not_needed_to_tell_of_it() -> None:
    lines = errors("a: 1\na: 2\nb: [\n")

    assert lines[0] == "c.yaml:2: a: given twice, first in line 1: keep one"
    assert lines[1].startswith("c.yaml:4: not valid YAML")


_TEXTS = st.text() | st.text(alphabet="ab:-[]{}&*!'\"|>?%#~ \n\t\\,", max_size=60)


@given(_TEXTS)
def test_any_text_gives_a_tree_or_problems_on_single_lines(text: str) -> None:
    for chosen in {yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml_tree, "_LOADER", chosen)
            problems = Problems()
            node = build_tree(text, "c.yaml", problems)

        lines = reported(problems)
        assert lines or not isinstance(node, Refused)
        assert all(line.startswith("c.yaml:") for line in lines)
        assert all(line.isprintable() for line in lines)
