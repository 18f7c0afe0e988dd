"""Translation of a dataclass to its protobuf message and back, by the names of their fields.

A field stands for the field of the message whose name is the same but for case and underscores;
where the dataclass has the unit in its name, the pair is given. None is left out of a message.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from kata_exporter.agent.arguments import checked_sequence
from kata_exporter.errors import ArgumentError

ValueT = TypeVar("ValueT")
MessageT = TypeVar("MessageT", bound=Message)


class WrongShape(Exception):
    """A message holds something that its dataclass has no word for; the text says what."""


class Shape(Generic[ValueT, MessageT]):
    """A dataclass and its message.

    Args:
        value_type: the dataclass.
        message_type: the message.
        renamed: field of the dataclass to field of the message, where the names differ.
        enums: the enum of each field that is one.
        nested: the shapes of fields that are messages themselves.
        least: of a number, where it is above what the message's field takes.
    """

    def __init__(
        self,
        value_type: type[ValueT],
        message_type: type[MessageT],
        renamed: Mapping[str, str] | None = None,
        enums: Mapping[str, type[Enum]] | None = None,
        nested: Iterable["Shape[Any, Any]"] = (),
        least: Mapping[str, int] | None = None,
    ) -> None:
        self.value_type = value_type
        self.message_type = message_type
        self.fields = _pairs(value_type, message_type, renamed or {})
        self._enums = enums or {}
        self._least = least or {}
        self.nested = tuple(nested)
        self._of_value = {shape.value_type: shape for shape in self.nested}
        self._of_message = {shape.message_type.DESCRIPTOR.full_name: shape for shape in self.nested}

    def encode(self, value: ValueT, argument: str) -> MessageT:
        """Return the message of a value.

        Raises:
            ArgumentError: a field can't be sent; it is named below `argument`.
        """
        if type(value) is not self.value_type:
            raise ArgumentError(argument, value, f"should be of type {self.value_type.__name__}")
        message = self.message_type()
        for name, described in self.fields.items():
            content = getattr(value, name)
            where = f"{argument}.{name}"
            if content is None and not described.is_repeated:
                continue
            try:
                self._check_least(name, content)
                self._set(message, described, content, where)
            except (TypeError, ValueError, AttributeError) as error:
                raise ArgumentError(where, content, f"can't be sent: {error}") from error
        return message

    def encode_all(self, values: Sequence[ValueT], argument: str) -> list[MessageT]:
        """Return the messages of several values.

        Raises:
            ArgumentError: one can't be sent, or they aren't several.
        """
        each = checked_sequence(argument, values)
        return [self.encode(value, f"{argument}[{i}]") for i, value in enumerate(each)]

    def decode(self, message: MessageT) -> ValueT:
        """Return the value of a message.

        Raises:
            WrongShape: an enum has a number without a name.
        """
        contents = {
            name: self._get(message, described, name) for name, described in self.fields.items()
        }
        return self.value_type(**contents)

    def _check_least(self, name: str, content: Any) -> None:
        if name in self._least and content < self._least[name]:
            raise ValueError(f"it should be {self._least[name]} at least")

    def _set(self, message: MessageT, described: FieldDescriptor, content: Any, where: str) -> None:
        target = getattr(message, described.name)
        if isinstance(content, Enum):
            setattr(message, described.name, _number_of(described, content))
        elif isinstance(content, Mapping):
            target.update(content)
        elif described.is_repeated:
            if not isinstance(content, Sequence) or isinstance(content, str | bytes):
                raise TypeError("it takes several, as a tuple or list")
            for i, item in enumerate(content):
                self._append(target, described, item, f"{where}[{i}]")
        elif described.message_type is not None:
            target.CopyFrom(self._element(content, where))
        else:
            setattr(message, described.name, _checked(described, content))

    def _append(self, target: Any, described: FieldDescriptor, item: Any, where: str) -> None:
        try:
            target.append(_checked(described, self._element(item, where)))
        except (TypeError, ValueError) as error:
            raise ArgumentError(where, item, f"can't be sent: {error}") from error

    def _element(self, content: Any, where: str) -> Any:
        shape = self._of_value.get(type(content))
        return content if shape is None else shape.encode(content, where)

    def _get(self, message: MessageT, described: FieldDescriptor, name: str) -> Any:
        content = getattr(message, described.name)
        if described.message_type is not None:
            shape = self._of_message[described.message_type.full_name]
            if described.is_repeated:
                return tuple(shape.decode(item) for item in content)
            return shape.decode(content) if message.HasField(described.name) else None
        if described.is_repeated:
            return tuple(content)
        if name in self._enums:
            return _member_of(self._enums[name], described, content)
        return content


def _checked(described: FieldDescriptor, content: Any) -> Any:
    """Return what can stand in a field; protobuf would take True for 1."""
    if isinstance(content, bool) and described.cpp_type != FieldDescriptor.CPPTYPE_BOOL:
        raise TypeError(f"{content} is no number and no text")
    return content


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _pairs(
    value_type: type, message_type: type[Message], renamed: Mapping[str, str]
) -> dict[str, FieldDescriptor]:
    by_name: dict[str, Any] = {
        _plain(field.name): field for field in message_type.DESCRIPTOR.fields
    }
    return {
        field.name: by_name[_plain(renamed.get(field.name, field.name))]
        for field in dataclasses.fields(value_type)
    }


def _number_of(described: FieldDescriptor, member: Enum) -> int:
    if described.enum_type is not None:
        for value in described.enum_type.values:
            if _plain(value.name) == _plain(member.name):
                return value.number
    raise ValueError(f"{member!r} isn't known to the agent")


def _member_of(enum_type: type[Enum], described: FieldDescriptor, number: int) -> Enum:
    assert described.enum_type is not None  # noqa: S101  narrows for the type checker
    named = described.enum_type.values_by_number.get(number)
    if named is not None:
        for member in enum_type:
            if _plain(member.name) == _plain(named.name):
                return member
    raise WrongShape(f"{described.full_name} is {number}, which has no name")
