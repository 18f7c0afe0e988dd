"""Checks of what callers give, before anything is sent. Each raises `ArgumentError`."""

import math
from pathlib import PurePosixPath

from kata_exporter.errors import ArgumentError
from kata_exporter.model import SANDBOX_ID, Container

MAX_U32 = (1 << 32) - 1
MAX_U64 = (1 << 64) - 1


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
    if not isinstance(container, Container):
        raise ArgumentError("container", container, "should be a Container")
    return checked_id("container.id", container.id)


def checked_number(
    argument: str, number: object, *, most: int = MAX_U32, least: int = 0, unit: str = ""
) -> int:
    """Return a number between `least` and `most`."""
    if not isinstance(number, int) or not least <= number <= most:
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
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(argument, text, "can't be written as UTF-8") from None
    return text


def checked_text(argument: str, text: object) -> str:
    """Return a text that can be sent and isn't empty."""
    sent = sendable(argument, text)
    if not sent:
        raise ArgumentError(argument, text, "should not be empty")
    return sent


def checked_data(argument: str, data: object) -> bytes:
    """Return bytes."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ArgumentError(argument, data, "should be bytes")
    return bytes(data)


def guest_path(argument: str, path: object) -> str:
    """Return an absolute path in a guest, without a way up."""
    text = checked_text(argument, path)
    pure = PurePosixPath(text)
    if not pure.is_absolute() or ".." in pure.parts or "\0" in text:
        raise ArgumentError(argument, text, "should be an absolute path without '..' and NUL")
    return text
