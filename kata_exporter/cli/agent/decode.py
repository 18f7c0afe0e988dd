"""From what stands on a command line to the values that a method takes, by their annotations."""

import base64
import binascii
import json
import math
import operator
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import Any

from kata_exporter.config.words import did_you_mean, quoted
from kata_exporter.errors import ConfigError
from kata_exporter.model import Container

BASE64 = "base64"
"""The one key of the object that bytes are where they aren't UTF-8 text."""

_SHOWN_CHARACTERS = 60
_WHOLE = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,32}|[0-9]{1,40})", re.ASCII)


class ParameterError(ConfigError):
    """A parameter isn't as it should be; the text names it, and what it should be."""


@dataclass(frozen=True, slots=True)
class _Scalar:
    """How a type is written; both functions raise ValueError for what isn't."""

    should_be: str
    from_text: Callable[[str], Any]
    from_json: Callable[[Any], Any]


def described(hint: Any) -> str:
    """Say what a value should be, after "should be"."""
    inner = _without_none(hint)
    if inner is not None:
        return f"{described(inner)}, or null"
    if hint in _SCALARS:
        return _SCALARS[hint].should_be
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            tags = (f'{{"{kind.__name__}": {{…}}}}' for kind in typing.get_args(hint))
            return " or ".join(tags)
        case None if issubclass(hint, StrEnum):
            return f"one of {', '.join(hint)}"
        case None:
            return f"an object, {hint.__name__}"
        case origin if issubclass(origin, Mapping):
            return "an object of texts"
        case _:
            return f"a list, each {described(typing.get_args(hint)[0])}"


def from_text(name: str, text: str, hint: Any) -> Any:
    """Return the value of a parameter that is written as a text.

    Raises:
        ParameterError: it isn't what it should be, or can't be written as a text.
    """
    kind = _without_none(hint) or hint
    try:
        if kind in _SCALARS:
            return _SCALARS[kind].from_text(text)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return kind(text)
    except ValueError:
        raise _mistyped(name, quoted(text), hint) from None
    raise ParameterError(
        f"{name} can't be given by --param: it should be {described(hint)}, in --json"
    )


def from_json(name: str, value: Any, hint: Any) -> Any:
    """Return the value of a parameter, or of a part of one, that is written as JSON.

    Raises:
        ParameterError: it isn't what it should be.
    """
    if value is None and _without_none(hint) is not None:
        return None
    kind = _without_none(hint) or hint
    try:
        if kind in _SCALARS:
            return _SCALARS[kind].from_json(value)
        return _composed(name, value, kind)
    except ValueError:
        raise _mistyped(name, _shown(value), hint) from None


def parse_json(text: str) -> Any:
    """Read JSON; a key that stands twice in an object and numbers that aren't finite are refused.

    Raises:
        ValueError: it isn't JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _composed(name: str, value: Any, kind: Any) -> Any:
    """Return a value that is made of others; raises ValueError where it is of another kind."""
    origin = typing.get_origin(kind)
    if origin in {types.UnionType, typing.Union}:
        return _tagged(name, value, typing.get_args(kind))
    if origin is None and issubclass(kind, StrEnum):
        return kind(value)
    if origin is None or issubclass(origin, Mapping):
        given: Mapping[str, Any] = _expect(value, dict)
        return _mapping(name, given) if origin else _dataclass(name, given, kind)
    item = typing.get_args(kind)[0]
    return tuple(
        from_json(f"{name}[{i}]", each, item) for i, each in enumerate(_expect(value, list))
    )


def _tagged(name: str, value: Any, kinds: Sequence[type]) -> Any:
    """Return one of several dataclasses, of which the object's only key is the name."""
    by_name = {kind.__name__: kind for kind in kinds}
    match value:
        case dict() if len(value) == 1 and value.keys() <= by_name.keys():
            ((tag, inner),) = value.items()
            return from_json(f"{name}.{tag}", inner, by_name[tag])
        case _:
            raise ValueError


def _mapping(name: str, given: Mapping[str, Any]) -> Mapping[str, str]:
    return {key: from_json(f"{name}[{quoted(key)}]", value, str) for key, value in given.items()}


def _dataclass(name: str, given: Mapping[str, Any], kind: type) -> Any:
    assert is_dataclass(kind)  # noqa: S101  the methods take nothing else
    hints = typing.get_type_hints(kind)
    for key in given:
        if key not in hints:
            raise ParameterError(
                f"{name} has no {quoted(key)}, being a {kind.__name__}{did_you_mean(key, hints)}"
            )
    for field in fields(kind):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if field.name not in given and not has_default:
            raise ParameterError(
                f"{name}.{field.name} is missing: it should be {described(hints[field.name])}"
            )
    parts = {key: from_json(f"{name}.{key}", value, hints[key]) for key, value in given.items()}
    return kind(**parts)


def _expect(value: Any, kind: type) -> Any:
    # True is an int to Python; nobody who writes true means 1.
    if type(value) is not kind:
        raise ValueError
    return value


def _without_none(hint: Any) -> Any | None:
    """Return what an optional type is when it isn't None; None for a type that isn't optional."""
    kinds = typing.get_args(hint)
    if typing.get_origin(hint) not in {types.UnionType, typing.Union} or type(None) not in kinds:
        return None
    return reduce(operator.or_, (kind for kind in kinds if kind is not type(None)))


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text, 16 if "x" in text.lower() else 10)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError
    return text == "true"


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError
    return number


def _bytes(value: Any) -> bytes:
    match value:
        case str():
            return value.encode()
        case {"base64": str(encoded)} if len(value) == 1:
            try:
                return base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ValueError from None
        case _:
            raise ValueError


def _number(value: Any) -> float:
    try:
        return _finite(float(value if type(value) is int else _expect(value, float)))
    except OverflowError:
        raise ValueError from None


def _time(value: Any) -> datetime:
    return datetime.fromisoformat(_expect(value, str))


def _container(value: Any) -> Container:
    return Container(_expect(value, str))


_SCALARS: Mapping[Any, _Scalar] = {
    bool: _Scalar("true or false", _truth, lambda v: _expect(v, bool)),
    int: _Scalar("a whole number", _whole, lambda v: _expect(v, int)),
    float: _Scalar("a number", lambda t: _finite(float(t)), _number),
    str: _Scalar("a text", str, lambda v: _expect(v, str)),
    bytes: _Scalar('bytes: UTF-8 text or {"base64": "…"}', os.fsencode, _bytes),
    Path: _Scalar("a path on this host", Path, lambda v: Path(_expect(v, str))),
    datetime: _Scalar("a time, as 2026-01-02T03:04:05Z", datetime.fromisoformat, _time),
    Container: _Scalar("the id of a container", Container, _container),
}


def _mistyped(name: str, shown: str, hint: Any) -> ParameterError:
    return ParameterError(f"{name} is {shown}: it should be {described(hint)}")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"{quoted(twice)} stands twice")
    return made


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")
