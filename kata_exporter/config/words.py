"""Words in messages: how text from a file or a flag is shown, and hints at the word that was meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

_SHOWN_CHARACTERS = 60
MAX_WORD_CHARACTERS = 128
_Choice = TypeVar("_Choice", bound=StrEnum)


def quoted(text: str) -> str:
    """Show `text` within a message: in quotes, on one line, escaped, and cut at 60 characters."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of `known`, or what there is to choose from."""
    known = list(known)
    return nearest(word, known) or f"; it is one of {', '.join(known)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of `known`; empty where none is near."""
    # The time to compare grows with the square of the length; no word that is meant is that long.
    near = get_close_matches(word[:MAX_WORD_CHARACTERS], known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def parse_choice(choices: type[_Choice], text: str) -> _Choice:
    """Return the member of `choices` that `text` spells.

    Raises:
        ValueError: it spells none; the text lists them.
    """
    try:
        return choices(text)
    except ValueError:
        names = ", ".join(choices)
        raise ValueError(f"{quoted(text)} is not a choice: write one of {names}") from None


def parse_switch(text: str) -> bool:
    """Return whether `text` switches something on.

    Raises:
        ValueError: it is neither ``true`` nor ``false``.
    """
    if text not in {"true", "false"}:
        raise ValueError(f"{quoted(text)} is not a choice: write true or false")
    return text == "true"
