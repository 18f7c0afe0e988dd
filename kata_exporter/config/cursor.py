"""A place in the configuration file, and how values are read there.

Each method that reads gives None, or leaves things out, where the value can't be used; by then the
problem has been reported with file, line and dotted key. So one run finds all that is wrong.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from kata_exporter.config.durations import format_duration, parse_duration
from kata_exporter.config.problems import Problems
from kata_exporter.config.words import did_you_mean, parse_choice, parse_switch, quoted
from kata_exporter.config.yaml_tree import Items, Node, Refused, Scalar, Table, join_key

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}

_T = TypeVar("_T")
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A node of the file, with its dotted key and where its problems go."""

    node: Node
    file: str
    problems: Problems
    key: str = ""

    @property
    def line(self) -> int:
        """Line of the file, from 1."""
        return self.node.line

    def fail(self, text: str) -> None:
        """Report a problem of this value; `text` says what to do."""
        self.problems.add_to_file(self.file, self.line, self.key, text)

    def table(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Cursor"]:
        """Return the values of a mapping by key; unknown and missing keys are reported.

        A section without a value (``web:``) is an empty mapping.
        """
        if self._is_null() and not required:
            return {}
        if not isinstance(self.node, Table):
            self._wrong_shape(f"must be a mapping with the keys {', '.join(known)}")
            return {}
        found: dict[str, Cursor] = {}
        for name, node in self.node.values.items():
            key = join_key(self.key, name)
            if name in known:
                found[name] = Cursor(node, self.file, self.problems, key)
            else:
                line = self.node.key_lines[name]
                text = f"unknown key{did_you_mean(name, known)}"
                self.problems.add_to_file(self.file, line, key, text)
        for name in required:
            if name not in found:
                self.fail(f"{name} is missing: add it")
        return found

    def items(self, *, may_be_null: bool = True, at_most: int | None = None) -> list["Cursor"]:
        """Return the entries of a sequence; one without a value is an empty one, if it may be.

        Of more than `at_most` entries none is returned.
        """
        if self._is_null():
            if not may_be_null:
                self.fail("has no value: write [] for none, or leave the key out")
            return []
        if not isinstance(self.node, Items):
            self._wrong_shape("must be a list: begin each entry with '- '")
            return []
        if at_most is not None and len(self.node.values) > at_most:
            self.fail(f"has {len(self.node.values)} entries, where {at_most} are allowed")
            return []
        return [
            Cursor(node, self.file, self.problems, f"{self.key}[{index}]")
            for index, node in enumerate(self.node.values)
        ]

    def is_list(self) -> bool:
        """Whether a sequence stands here."""
        return isinstance(self.node, Items)

    def text(self, *, max_length: int, min_length: int = 0) -> str | None:
        """Return text without control characters, and of a length within the bounds."""
        scalar = self._scalar("must be text")
        if scalar is None:
            return None
        if scalar.kind != "str":
            kind = _KINDS.get(scalar.kind, f"a {scalar.kind}")
            hint = f'put it in quotes: "{scalar.text}"' if len(scalar.text) <= 60 else "quote it"
            self.fail(f"must be text, but YAML takes {quoted(scalar.text)} for {kind}: {hint}")
            return None
        if not scalar.text.isprintable():
            strange = next(c for c in scalar.text if not c.isprintable())
            self.fail(f"has the unprintable character U+{ord(strange):04X}: take it out")
            return None
        if not min_length <= len(scalar.text) <= max_length:
            self.fail(
                f"has {len(scalar.text)} characters, where {min_length} to {max_length} are allowed"
            )
            return None
        return scalar.text

    def identifier(self, pattern: re.Pattern[str], rule: str) -> str | None:
        """Return text that `pattern` matches in full; `rule` says in words what it asks for."""
        text = self.text(max_length=1024)
        if text is not None and not pattern.fullmatch(text):
            self.fail(f"{quoted(text)} is no id: {rule}")
            return None
        return text

    def duration(self, *, at_least: float, at_most: float, note: str = "") -> float | None:
        """Return a duration in seconds within the bounds; `note` explains bounds that moved."""
        seconds = self.parsed(parse_duration, "must be a duration such as 15s")
        if seconds is not None and not at_least <= seconds <= at_most:
            low, high = format_duration(at_least), format_duration(at_most)
            self.fail(f"must be from {low} to {high}{note}")
            return None
        return seconds

    def whole_number(self, *, at_least: int, at_most: int) -> int | None:
        """Return a whole number within the bounds."""
        wanted = f"must be a whole number from {at_least} to {at_most}"
        scalar = self._scalar(wanted)
        if scalar is None:
            return None
        if scalar.kind != "int" or not _WHOLE_NUMBER.fullmatch(scalar.text):
            self.fail(f"{wanted}, not {quoted(scalar.text)}")
            return None
        number = int(scalar.text)
        if not at_least <= number <= at_most:
            self.fail(f"{wanted}, not {number}")
            return None
        return number

    def switch(self) -> bool | None:
        """Return whether something is switched on here."""
        return self.parsed(parse_switch, "must be true or false")

    def choice(self, choices: type[_Choice]) -> _Choice | None:
        """Return the member of `choices` that is named here."""
        names = ", ".join(choices)
        return self.parsed(lambda text: parse_choice(choices, text), f"must be one of {names}")

    def parsed(self, parse: Callable[[str], _T], wanted: str) -> _T | None:
        """Return what `parse` makes of the text here; its ValueError is reported."""
        scalar = self._scalar(wanted)
        if scalar is None:
            return None
        try:
            return parse(scalar.text)
        except ValueError as error:
            self.fail(str(error))
            return None

    def _is_null(self) -> bool:
        return isinstance(self.node, Scalar) and self.node.kind == "null"

    def _scalar(self, wanted: str) -> Scalar | None:
        if self._is_null():
            self.fail(f"has no value: it {wanted}; write one, or leave the key out")
            return None
        if not isinstance(self.node, Scalar):
            self._wrong_shape(wanted)
            return None
        return self.node

    def _wrong_shape(self, wanted: str) -> None:
        if isinstance(self.node, Refused):
            return  # reported where it was refused
        shapes = {Table: "a mapping", Items: "a list"}
        shape = shapes.get(type(self.node), "a single value")
        self.fail(f"{wanted}; here is {shape}")
