"""Paths in the configuration."""

from posixpath import normpath

from kata_exporter.config.words import quoted

MAX_PATH_LENGTH = 4096


def parse_path(text: str) -> str:
    """Return a path without what means nothing in it.

    Raises:
        ValueError: it is empty, too long, or has characters that can't be shown on one line.
    """
    if not text or not text.isprintable():
        raise ValueError(f"{quoted(text)} is no path of printable characters")
    if len(text) > MAX_PATH_LENGTH:
        raise ValueError(f"{quoted(text)} is longer than {MAX_PATH_LENGTH} characters")
    return normpath(text)


def parse_absolute_path(text: str) -> str:
    """Return an absolute path without what means nothing in it.

    Raises:
        ValueError: it is none, or steps back (``..``), which could lead elsewhere than it seems.
    """
    path = parse_path(text)
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{quoted(text)} is no absolute path without '..': write it out from /")
    return "/" + path.lstrip("/")
