"""What standard output can show."""

import os
import sys


def wants_color() -> bool:
    """Whether it is a terminal, and colours are wanted there (https://no-color.org/)."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def encoded(text: str) -> bytes:
    """Return text in its encoding; what that doesn't have becomes a question mark."""
    return text.encode(sys.stdout.encoding or "utf-8", "replace")
