"""The table of sandboxes. Pure: from what is known to lines of text.

All that isn't ours is escaped and cut here, so that no pod's name moves a cursor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kata_exporter.cli.sandboxes.known import KnownSandbox
from kata_exporter.errors import Reason
from kata_exporter.ttrpc import printable

ID_CHARACTERS = 12
_POD_CHARACTERS = 40
_WORD_CHARACTERS = 24
_SOURCES_CHARACTERS = 60
_FULL_CHARACTERS = 4096
"""The longest URL there is; names are shorter."""

_GAP = "  "
_RESET = "\x1b[0m"
_GREEN, _YELLOW, _RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"


@dataclass(frozen=True, slots=True)
class Style:
    """How a table is drawn.

    ``width`` is that of the terminal, 0 for none: then lines have the length that they have.
    ``full`` cuts neither ids nor names nor URLs.
    """

    width: int = 0
    color: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[KnownSandbox, bool], str]


def table(sandboxes: Sequence[KnownSandbox], style: Style) -> list[str]:
    """Return a line of titles and one for each sandbox, in order of pods; URLs give way to `width`."""
    ordered = sorted(sandboxes, key=lambda s: (s.namespace, s.pod, s.id, s.generation))
    rows = [[column.title for column in _COLUMNS]]
    rows += [[column.cell(sandbox, style.full) for column in _COLUMNS] for sandbox in ordered]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    widths[-1] = 0  # nothing stands behind it
    colors = ["", *(_color(sandbox) for sandbox in ordered)]
    return [
        _line(row, widths, style, color if style.color else "")
        for row, color in zip(rows, colors, strict=True)
    ]


def identity(sandbox: KnownSandbox, *, full: bool) -> str:
    """Return a sandbox's id."""
    return _text(sandbox.id, ID_CHARACTERS, full=full, mark="")


def pod(sandbox: KnownSandbox, *, full: bool) -> str:
    """Return namespace and name of its pod; ``-`` where it isn't known."""
    if not (sandbox.namespace or sandbox.pod):
        return "-"
    return _text(f"{sandbox.namespace}/{sandbox.pod}", _POD_CHARACTERS, full=full)


def state(sandbox: KnownSandbox) -> str:
    """Say whether it is up, the reason, and whether metrics show it."""
    reason = printable(sandbox.reason, _WORD_CHARACTERS)
    word = "up" if sandbox.up else "down"
    if reason not in {Reason.OK, ""}:
        word += f": {reason}"
    return word if sandbox.published else f"{word} (unpublished)"


def containers(sandbox: KnownSandbox) -> str:
    """Say how many containers run, and how many there are."""
    return f"{sandbox.running}/{sandbox.containers}"


def ooms(sandbox: KnownSandbox) -> str:
    """Say how many OOMs were reported, and how many kills its guest counted; ``-`` is not known."""
    kills = "-" if sandbox.oom_kills is None else str(sandbox.oom_kills)
    return f"{sandbox.oom_reported}/{kills}"


def sources(sandbox: KnownSandbox) -> str:
    """Name who sees it."""
    return printable(",".join(sorted(sandbox.sources)), _SOURCES_CHARACTERS) or "-"


def url(sandbox: KnownSandbox) -> str:
    """Return its agent's URL, whole; ``-`` where it isn't known."""
    return printable(sandbox.agent_url, _FULL_CHARACTERS) or "-"


def age(seconds: float) -> str:
    """Write a span of time in its largest unit, or two: 42s, 5m, 3h12m, 9d."""
    whole = max(0, int(min(seconds, 1e12))) if seconds == seconds else 0  # noqa: PLR0124  NaN isn't
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:
        return f"{whole}s"
    if hours < 3:
        return f"{minutes}m"
    if days < 2:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{days}d"


_COLUMNS = (
    _Column("SANDBOX", lambda s, full: identity(s, full=full)),
    _Column("POD", lambda s, full: pod(s, full=full)),
    _Column("RUNTIME", lambda s, _: printable(s.runtime, _WORD_CHARACTERS)),
    _Column("STATE", lambda s, _: state(s)),
    _Column("CONTAINERS", lambda s, _: containers(s)),
    _Column("OOM", lambda s, _: ooms(s)),
    _Column("AGE", lambda s, _: age(s.known_seconds)),
    _Column("SOURCES", lambda s, _: sources(s) + _lease(s)),
    _Column("URL", lambda s, _: url(s)),
)
_STATE_COLUMN = 3


def _line(row: Sequence[str], widths: Sequence[int], style: Style, color: str) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    room = style.width - sum(len(cell) + len(_GAP) for cell in cells[:-1])
    if style.width and not style.full and len(cells[-1]) > max(room, 0):
        cells[-1] = f"{cells[-1][: max(room - 1, 0)]}…" if room > 0 else ""
    if color:
        cells[_STATE_COLUMN] = f"{color}{cells[_STATE_COLUMN]}{_RESET}"
    return _GAP.join(cells).rstrip()


def _lease(sandbox: KnownSandbox) -> str:
    return "" if sandbox.lease_seconds is None else f" ({age(sandbox.lease_seconds)} left)"


def _color(sandbox: KnownSandbox) -> str:
    if sandbox.up:
        return _GREEN if sandbox.reason == Reason.OK else _YELLOW
    return _YELLOW if sandbox.reason == Reason.PENDING else _RED


def _text(text: str, limit: int, *, full: bool, mark: str = "…") -> str:
    shown = printable(text, _FULL_CHARACTERS)
    if full or len(shown) <= limit:
        return shown
    return shown[: limit - len(mark)] + mark
