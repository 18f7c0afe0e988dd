"""Checks of what callers give, before anything is sent. Each raises `ArgumentError`."""

import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from kata_exporter.errors import ArgumentError
from kata_exporter.model import SANDBOX_ID, Container
from kata_exporter.ttrpc import MAX_MESSAGE_BYTES

T = TypeVar("T")

MAX_U32 = (1 << 32) - 1
MAX_U64 = (1 << 64) - 1
MAX_CONTENT_BYTES = MAX_MESSAGE_BYTES - (4 << 10)
"""What a text or data may be, to leave room for the rest of a request: ids, names, trace context."""


def checked_id(argument: str, text: object) -> str:
    """Return an id of a sandbox, container or process."""
    if not isinstance(text, str) or not SANDBOX_ID.fullmatch(text):
        raise ArgumentError(
            argument,
            text,
            "an id has 2 to 128 characters: letters, digits, '_', '.', '-', the first a letter or digit",
        )
    return text


def container_id(container: object) -> str:
    """Return the id of a container."""
    return checked_id("container.id", checked_type("container", container, Container).id)


def checked_type(argument: str, value: object, kind: type[T]) -> T:
    """Return a value of a type."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ArgumentError(argument, value, f"should be {article} {kind.__name__}")
    return value


def checked_flag(argument: str, flag: object) -> bool:
    """Return True or False; what is only true in the sense of Python may be a mistake."""
    if not isinstance(flag, bool):
        raise ArgumentError(argument, flag, "should be True or False")
    return flag


def checked_number(
    argument: str, number: object, *, most: int = MAX_U32, least: int = 0, unit: str = ""
) -> int:
    """Return a number between `least` and `most`."""
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
        of = f" {unit}" if unit else ""
        raise ArgumentError(argument, number, f"should be a number from {least} to {most}{of}")
    return number


def checked_deadline(deadline: object) -> float | None:
    """Return a deadline, or None where there is none."""
    if deadline is None:
        return None
    if not isinstance(deadline, int | float) or isinstance(deadline, bool):
        raise ArgumentError("deadline", deadline, "should be a time on the client's clock, or None")
    if not math.isfinite(deadline):
        raise ArgumentError("deadline", deadline, "should be finite; None is the usual time-out")
    return deadline


def sendable(argument: str, text: object) -> str:
    """Return a text that can be sent."""
    if not isinstance(text, str):
        raise ArgumentError(argument, text, "should be a text")
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise ArgumentError(argument, text, "can't be written as UTF-8") from None
    _check_size(argument, text, size_bytes)
    return text


def checked_text(argument: str, text: object) -> str:
    """Return a text that can be sent and isn't empty."""
    sent = sendable(argument, text)
    if not sent:
        raise ArgumentError(argument, text, "should not be empty")
    return sent


def checked_sequence(argument: str, items: Sequence[T]) -> Sequence[T]:
    """Return several; a lone text is a sequence of its letters, which nobody means."""
    given: object = items
    if not isinstance(given, Sequence) or isinstance(given, str | bytes | bytearray | memoryview):
        raise ArgumentError(argument, items, "should be a tuple or list")
    return items


def checked_texts(argument: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return several texts that can be sent."""
    each = checked_sequence(argument, texts)
    return tuple(sendable(f"{argument}[{i}]", text) for i, text in enumerate(each))


def checked_data(argument: str, data: object) -> bytes:
    """Return bytes that fit a request."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ArgumentError(argument, data, "should be bytes")
    _check_size(argument, data, memoryview(data).nbytes)
    return bytes(data)


def _check_size(argument: str, content: object, size_bytes: int) -> None:
    if size_bytes > MAX_CONTENT_BYTES:
        problem = f"is of {size_bytes} bytes; a request takes {MAX_CONTENT_BYTES} at most"
        raise ArgumentError(argument, content, problem)


def guest_path(argument: str, path: object) -> str:
    """Return an absolute path in a guest, without a way up."""
    text = checked_text(argument, path)
    pure = PurePosixPath(text)
    if not pure.is_absolute() or ".." in pure.parts or "\0" in text:
        raise ArgumentError(argument, text, "should be an absolute path without '..' and NUL")
    return text
