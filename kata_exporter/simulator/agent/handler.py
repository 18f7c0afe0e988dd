"""What answers a call, and how it refuses one."""

import errno
import os
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from kata_exporter.ttrpc import Code, StatusError

Handler = Callable[..., Awaitable[Message | None]]
"""Is given a request's message, and returns the answer's; None for an empty one."""

Quote = Callable[[str], str]
"""Writes an error's text as the agent's release does."""


def internal(text: str) -> StatusError:
    """Return the error that the agent has for most of what goes wrong."""
    return StatusError(Code.INTERNAL, text)


def os_error(number: int) -> StatusError:
    """Return the error of a system call that failed; `number` as in `errno`."""
    return internal(f"{errno.errorcode[number]}: {os.strerror(number)}")
