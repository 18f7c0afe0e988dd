"""YAML text as a tree of nodes that know their lines.

Built from the parser's events and not by a loader: nothing is constructed, an alias is refused
before it is followed, and depth is bounded, so the tree is never larger than its text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

from kata_exporter.config.problems import Problems
from kata_exporter.config.words import quoted

MAX_DEPTH = 16

# PyYAML without libyaml is the same parser, slower.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG_PREFIX = "tag:yaml.org,2002:"
_NOT_YAML = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # YAML 1.1, 5.1 Character Set


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: its text, and what YAML 1.1 takes it for (``str``, ``int``, ``bool``, ``null``…).

    Quoted text is always ``str``.
    """

    text: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; of a key that is given twice the first value counts."""

    values: dict[str, "Node"]
    key_lines: dict[str, int]
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    values: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What isn't read, and has been reported."""

    line: int


Node = Scalar | Table | Items | Refused


class _BrokenText(Exception):
    """The rest of the text makes no sense."""

    def __init__(self, line: int, key: str, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.key = key
        self.text = text


def build_tree(text: str, file: str, problems: Problems) -> Node:
    """Read one YAML document; an empty one is an empty table.

    What is wrong with the YAML itself is added to `problems` under the name `file`; text that is
    no YAML gives a `Refused`. Raises nothing.
    """
    try:
        return _TreeBuilder(text, file, problems).build()
    except _BrokenText as broken:
        problems.add_to_file(file, broken.line, broken.key, broken.text)
        return Refused(broken.line)


class _TreeBuilder:
    """Builds one tree out of the parser's events."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._events = _parse(text)
        self._file = file
        self._problems = problems
        self._resolver = Resolver()

    def build(self) -> Node:
        tree: Node | None = None
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue  # start and end of the stream and of the document
            if tree is not None:
                raise _BrokenText(
                    _line(event), "", "a second document begins: keep one in the file"
                )
            tree = self._node(next(self._events), "", depth=1)
        return Table({}, {}, 1) if tree is None else tree

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._refuse(line, path, "aliases (*name) are not read: write the value out")
        if depth > MAX_DEPTH:
            raise _BrokenText(line, path, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            node: Node = self._table(path, line, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._items(path, line, depth)
        else:
            node = self._scalar(event, line)
        tag = getattr(event, "tag", None)
        if tag is not None:
            return self._refuse(
                line, path, f"tags such as {quoted(tag)} are not read: leave it out"
            )
        return node

    def _scalar(self, event: yaml.Event, line: int) -> Scalar:
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101  the parser gives no other node
        tag = self._resolver.resolve(  # type: ignore[no-untyped-call]  # the stubs leave it out
            yaml.ScalarNode, event.value, event.implicit
        )
        return Scalar(event.value, tag.removeprefix(_TAG_PREFIX), line)

    def _items(self, path: str, line: int, depth: int) -> Items:
        values: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._node(event, f"{path}[{len(values)}]", depth + 1))
        return Items(tuple(values), line)

    def _table(self, path: str, line: int, depth: int) -> Table:
        values: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path, depth + 1)
            name = key.text if isinstance(key, Scalar) else "?"
            key_path = join_key(path, name)
            value = self._node(next(self._events), key_path, depth + 1)
            if not isinstance(key, Scalar):
                if not isinstance(key, Refused):
                    self._refuse(key.line, path, "a key that is no word: write a plain word")
            elif name in values:
                first = key_lines[name]
                self._refuse(key.line, key_path, f"given twice, first in line {first}: keep one")
            else:
                values[name], key_lines[name] = value, key.line
        return Table(values, key_lines, line)

    def _refuse(self, line: int, path: str, text: str) -> Refused:
        self._problems.add_to_file(self._file, line, path, text)
        return Refused(line)


def join_key(path: str, name: str) -> str:
    """Return the dotted key of `name` in the table at `path`; a strange name is escaped and cut."""
    shown = name if name.isidentifier() and name.isascii() and len(name) <= 60 else quoted(name)
    return f"{path}.{shown}" if path else shown


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else int(mark.line) + 1


def _parse(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events; its errors become `_BrokenText`."""
    strange = _NOT_YAML.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise _BrokenText(line, "", f"the character {strange[0]!r} is not allowed: take it out")
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _BrokenText(line, "", _syntax_text(error, text, line)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # A reader's error, or an escape beyond Unicode, which the parser in Python doesn't check.
        raise _BrokenText(1, "", f"not valid YAML: {' '.join(str(error).split())}") from error


def _syntax_text(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    problem = " ".join((error.problem or error.context or "unknown problem").split())
    lines = text.split("\n", line)[:line]
    indent = re.match(r"\s*", lines[-1])
    if indent and "\t" in indent[0]:
        return f"not valid YAML: {problem}: indent with spaces, not tabs"
    return (
        f"not valid YAML: {problem}: check indentation, brackets and quotes in this line and above"
    )
