"""From what a method gives to JSON."""

import base64
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from kata_exporter.cli.agent.decode import BASE64


def json_page(value: Any) -> bytes:
    """Return a value as JSON text of ASCII alone, with a line feed at its end.

    Numbers are exact, whatever their size; None is ``null``. A dataclass is an object of its fields
    in their order, a mapping one with its keys sorted. Bytes are text where they are UTF-8, else an
    object of one key, ``base64``.
    """
    return (json.dumps(_plain(value), indent=2, allow_nan=False) + "\n").encode("ascii")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case bytes():
            return _bytes(value)
        case datetime():
            return value.isoformat()
        case Mapping():
            return {key: _plain(value[key]) for key in sorted(value)}
        case AbstractSet():
            return sorted(_plain(item) for item in value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value


def _bytes(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {BASE64: base64.b64encode(data).decode("ascii")}
