"""Messages with every field set, from their descriptors."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_ITEMS = 2
"""In each repeated field and map."""
_MAX_DEPTH = 8


def filled(kind: type[M]) -> M:
    """Return a message whose fields are all set, at any depth, each to a value of its own.

    No value is its type's default. Integers lie at the ends of their types, texts aren't ASCII,
    bytes aren't UTF-8. Each oneof has its last member.
    """
    message = kind()
    _fill(message, count(1), 0)
    return message


def _fill(message: Message, numbers: Iterator[int], depth: int) -> None:
    assert depth < _MAX_DEPTH, f"{message.DESCRIPTOR.full_name} contains itself"
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is None:
            _set_scalars(message, field, numbers)
        elif field.message_type.GetOptions().map_entry:
            _fill_map(field.message_type, value, numbers, depth)
        elif field.is_repeated:
            for _ in range(_ITEMS):
                _fill(value.add(), numbers, depth + 1)
        else:
            value.SetInParent()
            _fill(value, numbers, depth + 1)


def _set_scalars(message: Message, field: Any, numbers: Iterator[int]) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(_scalar(field, next(numbers)) for _ in range(_ITEMS))
    else:
        setattr(message, field.name, _scalar(field, next(numbers)))


def _fill_map(entry: Any, values: Any, numbers: Iterator[int], depth: int) -> None:
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for _ in range(_ITEMS):
        key = _scalar(key_field, next(numbers))
        if value_field.message_type is None:
            values[key] = _scalar(value_field, next(numbers))
        else:
            _fill(values[key], numbers, depth + 1)


_SCALARS: Mapping[int, Callable[[int], Any]] = {
    FieldDescriptor.TYPE_BOOL: lambda _: True,
    FieldDescriptor.TYPE_BYTES: lambda number: bytes([0xFF, 0, number % 256]),
    FieldDescriptor.TYPE_INT32: lambda number: number - 2**31,
    FieldDescriptor.TYPE_INT64: lambda number: number - 2**63,
    FieldDescriptor.TYPE_STRING: lambda number: f"\u00e9\U0001f40b\x00{number}",
    FieldDescriptor.TYPE_UINT32: lambda number: 2**32 - number,
    FieldDescriptor.TYPE_UINT64: lambda number: 2**64 - number,
}


def _scalar(field: Any, number: int) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return _SCALARS[field.type](number)
