"""Showing sandboxes: once, or again and again."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from kata_exporter.cli import output
from kata_exporter.cli.sandboxes.asking import AskError, ask
from kata_exporter.cli.sandboxes.changes import by_id, changes
from kata_exporter.cli.sandboxes.known import (
    AnswerError,
    KnownSandbox,
    known_sandbox,
    parse_answer,
)
from kata_exporter.cli.sandboxes.table import Style, table
from kata_exporter.cli.sandboxes.target import Target
from kata_exporter.cli.terminal import encoded, wants_color
from kata_exporter.clock import Clock
from kata_exporter.errors import Reason

_TO_TOP = "\x1b[H"
_CUT_LONG_LINES, _WRAP_LONG_LINES = "\x1b[?7l", "\x1b[?7h"
_ERASE_LINE = "\x1b[K"
_ERASE_BELOW = "\x1b[J"


@dataclass(frozen=True, slots=True)
class View:
    """Which sandboxes are shown (an empty set leaves none out), and whether in full length."""

    namespaces: frozenset[str]
    reasons: frozenset[Reason]
    full: bool

    def shows(self, sandbox: KnownSandbox) -> bool:
        """Whether a sandbox is shown."""
        return (not self.namespaces or sandbox.namespace in self.namespaces) and (
            not self.reasons or sandbox.reason in self.reasons
        )


@dataclass(frozen=True, slots=True)
class _Listed:
    """What one answer lists of what is shown: as it came, and read."""

    entries: Sequence[Mapping[str, Any]]
    sandboxes: Sequence[KnownSandbox]


async def show(target: Target, view: View, *, as_json: bool) -> bool:
    """Ask once and print; whether anything was there.

    Raises:
        AskError: the exporter can't be asked.
    """
    listed = await _listed(target, view)
    if as_json:
        text = json.dumps(listed.entries, indent=2, sort_keys=True, allow_nan=False)
        output.write(f"{text}\n".encode("ascii"))
    elif listed.sandboxes:
        _print(table(listed.sandboxes, _style(view)))
    else:
        output.complain(_nothing(view))
    return bool(listed.sandboxes)


async def watch(target: Target, view: View, clock: Clock, *, every_seconds: float) -> None:
    """Ask again and again until cancelled, and show what there is.

    Raises:
        AskError: the first time the exporter can't be asked; later that is told, and passes.
    """
    screen: _Screen = _Terminal(view, target, clock) if sys.stdout.isatty() else _Lines(view, clock)
    screen.show((await _listed(target, view)).sandboxes)
    while True:
        await clock.sleep(every_seconds)
        try:
            sandboxes = (await _listed(target, view)).sandboxes
        except AskError as error:
            screen.tell(str(error))
        else:
            screen.show(sandboxes)


class _Screen(Protocol):
    """Where sandboxes are shown again and again."""

    def show(self, sandboxes: Sequence[KnownSandbox]) -> None:
        """Show what there is now."""

    def tell(self, problem: str) -> None:
        """Say why it isn't known what there is now."""


class _Terminal:
    """Draws a table over the last one."""

    def __init__(self, view: View, target: Target, clock: Clock) -> None:
        self._view = view
        self._target = target
        self._clock = clock
        self._drawn: list[str] = []
        self._blank = True

    def show(self, sandboxes: Sequence[KnownSandbox]) -> None:
        self._drawn = table(sandboxes, _style(self._view)) if sandboxes else [_nothing(self._view)]
        up = sum(sandbox.up for sandbox in sandboxes)
        self._draw(f"{self._target.name}: {up} of {len(sandboxes)} up")

    def tell(self, problem: str) -> None:
        self._draw(problem)

    def _draw(self, status: str) -> None:
        size = shutil.get_terminal_size()
        lines = [f"{_now(self._clock)}  {status}", "", *self._drawn]
        if len(lines) > size.lines - 1:
            hidden = len(lines) - (size.lines - 2)
            lines = [*lines[: max(size.lines - 2, 1)], f"… and {hidden} more"]
        # A screen is emptied once: drawn over, it doesn't flicker.
        start = _TO_TOP + (_ERASE_BELOW if self._blank else "")
        self._blank = False
        drawn = "".join(f"{line}{_ERASE_LINE}\n" for line in lines)
        page = f"{start}{_CUT_LONG_LINES}{drawn}{_WRAP_LONG_LINES}{_ERASE_BELOW}"
        output.write(encoded(page))


class _Lines:
    """Prints what changes."""

    def __init__(self, view: View, clock: Clock) -> None:
        self._view = view
        self._clock = clock
        self._before: Mapping[str, KnownSandbox] = {}
        self._problem = ""

    def show(self, sandboxes: Sequence[KnownSandbox]) -> None:
        now = by_id(sandboxes)
        lines = changes(self._before, now, full=self._view.full)
        self._before, self._problem = now, ""
        if lines:
            _print([f"{_now(self._clock)} {line}" for line in lines])

    def tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            output.complain(problem)


async def _listed(target: Target, view: View) -> _Listed:
    try:
        pairs = [(entry, known_sandbox(entry)) for entry in parse_answer(await ask(target))]
    except AnswerError as error:
        raise AskError(f"{target.name} does not answer as an exporter does: {error}") from error
    shown = [(entry, sandbox) for entry, sandbox in pairs if view.shows(sandbox)]
    return _Listed([entry for entry, _ in shown], [sandbox for _, sandbox in shown])


def _nothing(view: View) -> str:
    if view.namespaces or view.reasons:
        return "no sandbox of those that the exporter knows is like that"
    return (
        "the exporter knows no sandboxes: kata-exporter doctor says what it would find, and why not"
    )


def _style(view: View) -> Style:
    if not sys.stdout.isatty():
        return Style(full=view.full)
    width = shutil.get_terminal_size().columns
    return Style(width=width, color=wants_color(), full=view.full)


def _now(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print(lines: Sequence[str]) -> None:
    output.write(encoded("".join(f"{line}\n" for line in lines)))
