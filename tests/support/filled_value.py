"""Values of dataclasses in which every field holds something, and no two fields the same."""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import count
from typing import Any


def filled(value_type: type[Any]) -> Any:
    """Return a value of a dataclass with every field filled, those of fields included."""
    return _fill(value_type, count(2))


def _fill(kind: Any, numbers: Iterator[int]) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return _fill(next(part for part in arguments if part is not type(None)), numbers)
    if origin is tuple:
        return (_fill(arguments[0], numbers), _fill(arguments[0], numbers))
    if origin is Mapping:
        return {_fill(arguments[0], numbers): _fill(arguments[1], numbers)}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: _fill(hints[name], numbers) for name in names})  # type: ignore[operator]  # a class
    if issubclass(kind, Enum):
        return list(kind)[-1]
    if kind is bool:
        return True
    return f"text-{next(numbers)}" if kind is str else kind(next(numbers))
