"""Log lines: one event is one line on stderr, whatever is logged.

Lines look as those of Prometheus and its exporters do (promslog): ``time``, ``level``, ``msg``, then
fields, as logfmt or JSON. What isn't printable is escaped in both: guests' texts and socket paths
may hold line feeds, terminal escapes and bidirectional overrides.
"""

import copy
import json
import logging
import math
import re
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeVar

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.trace_link import CURRENT_TRACE

logger = logging.getLogger(__name__)

LIMITED_LIBRARIES = ("opentelemetry", "grpc", "urllib3")
"""Loggers that repeat themselves while a collector is down: one line a minute of each."""

MAX_TEXT_CHARACTERS = 8192
"""How much of a message, a field or a traceback a line shows, before escaping."""

_BARE = re.compile(r'[^\s"=\\]+')
_NOT_IN_FIELD_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_HEAD = ("time", "level", "msg")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Line = Mapping[str, object]
T = TypeVar("T")


def fields(**values: object) -> dict[str, object]:
    """Give a log call its fields: ``logger.info("…", extra=fields(sandbox_id=…))``.

    None means that there is nothing to say: the field is left out.
    """
    return {"fields": {name: value for name, value in values.items() if value is not None}}


def escape(text: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    r"""Cut to `limit` characters, and write what isn't printable as ``\n`` or ``\u001b``.

    Backslashes stay as they are, so that text which is escaped already doesn't change.
    """
    text = _cut(text, limit)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape_character(c) for c in text)


def _escape_character(character: str) -> str:
    number = ord(character)
    escaped = f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
    return _SHORT_ESCAPES.get(character, escaped)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "..."


def configure_logging(
    level: str,
    fmt: str,
    *,
    clock: Clock | None = None,
    on_suppressed: Callable[[], None] | None = None,
) -> None:
    """Send log lines to stderr; a second call replaces what the first one set up.

    Args:
        level: ``debug``, ``info``, ``warn`` or ``error``; tracebacks are shown at ``debug`` only.
        fmt: ``logfmt`` or ``json``.
        clock: what the limit on libraries' lines goes by; the machine's unless given.
        on_suppressed: called for each line of a library that is passed over, from any thread.

    Raises:
        ConfigError: the level or the format is none of these.
    """
    number = _choose("log level", level, _LEVELS)
    render = _choose("log format", fmt, _FORMATS)
    root = logging.getLogger()
    _set_handler(root, StderrHandler(LineFormatter(render, tracebacks=number <= logging.DEBUG)))
    root.setLevel(number)
    # A scrape is counted; a line for each would be most of the log.
    logging.getLogger("aiohttp.access").disabled = True
    for name in LIMITED_LIBRARIES:
        library = logging.getLogger(name)
        limiter = LogLimiter(clock or SystemClock(), on_suppressed=on_suppressed)
        _set_handler(library, LibraryHandler(name, limiter))
        library.setLevel(max(number, logging.WARNING))
        library.propagate = False


def _choose(what: str, word: str, choices: Mapping[str, T]) -> T:
    if word not in choices:
        raise ConfigError(f"{what} {word!r} is not one of {', '.join(choices)}")
    return choices[word]


def _set_handler(target: logging.Logger, handler: logging.Handler) -> None:
    for old in target.handlers[:]:
        if type(old) is type(handler):
            target.removeHandler(old)
            old.close()
    target.addHandler(handler)


class LogLimiter:
    """Lets one line per key and period through. For one thread at a time.

    Memory is bounded by `capacity` keys. When all are in their period, lines of further keys are
    passed over: whoever can make up keys can't fill the log.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        period_seconds: float = 60.0,
        capacity: int = 4096,
        on_suppressed: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._period = period_seconds
        self._capacity = capacity
        self._on_suppressed = on_suppressed
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()  # oldest first

    def allow(self, key: Hashable) -> int | None:
        """Say whether a line about `key` may be logged now.

        Returns:
            How many lines about `key` were passed over since its last one; None: pass this one over.
        """
        now = self._clock.monotonic()
        window = self._windows.get(key)
        if window is None and self._make_room(now):
            self._windows[key] = _Window(now)
            return 0
        if window is not None and not self._fresh(window, now):
            self._windows[key] = _Window(now)
            self._windows.move_to_end(key)
            return window.passed_over
        if window is not None:
            window.passed_over += 1
        if self._on_suppressed is not None:
            self._on_suppressed()
        return None

    def _fresh(self, window: "_Window", now: float) -> bool:
        return now - window.since < self._period

    def _make_room(self, now: float) -> bool:
        if len(self._windows) < self._capacity:
            return True
        if self._fresh(next(iter(self._windows.values())), now):
            return False
        self._windows.popitem(last=False)
        return True


@dataclass(slots=True)
class _Window:
    since: float
    passed_over: int = 0


class LineFormatter(logging.Formatter):
    """Makes one line of a record; an exception is a field."""

    def __init__(self, render: Callable[[Line], str], *, tracebacks: bool) -> None:
        super().__init__()
        self._render = render
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Render a record, without an end of line."""
        line: dict[str, object] = {
            "time": _rfc3339(record.created),
            "level": _level_word(record.levelno),
            "msg": record.getMessage(),
        }
        own = getattr(record, "fields", None)
        if isinstance(own, Mapping):
            for name, value in own.items():
                line[_field_name(str(name))] = value
        trace = CURRENT_TRACE.get()
        if trace is not None and trace.exported:
            line.update(trace_id=trace.trace_id, span_id=trace.span_id)
        if record.exc_info and record.exc_info[0] is not None:
            self._add_exception(line, record.exc_info)
        return self._render(line)

    def _add_exception(self, line: dict[str, object], exc_info: ExcInfo) -> None:
        kind, error, _ = exc_info
        line.setdefault("error", f"{kind.__name__}: {error}")
        if self._tracebacks:
            line["traceback"] = "".join(traceback.format_exception(*exc_info))


class StderrHandler(logging.Handler):
    """Writes lines to whatever ``sys.stderr`` is at the time."""

    def __init__(self, formatter: LineFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one that can't be made into a line is told of in a line."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001  any argument's __str__ may have raised
            line = self.format(_about_unformattable(record, error))
        with suppress(OSError, ValueError):  # stderr is closed: there is nobody left to tell
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


class LibraryHandler(logging.Handler):
    """Passes a library's lines on as ours, one a period; a handler's lock guards the limiter."""

    def __init__(self, library: str, limiter: LogLimiter) -> None:
        super().__init__()
        self._library = library
        self._limiter = limiter

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or over."""
        passed_over = self._limiter.allow(self._library)
        if passed_over is None:
            return
        ours = copy.copy(record)
        ours.name = logger.name
        ours.__dict__.update(fields(library=record.name, passed_over=passed_over or None))
        logger.handle(ours)


def _about_unformattable(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    about = logging.LogRecord(
        logger.name, logging.ERROR, "", 0, "a log line could not be made", (), None
    )
    where = f"{record.name}:{record.lineno}"
    about.__dict__.update(fields(where=where, error=type(error).__name__))
    return about


def _rfc3339(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _level_word(number: int) -> str:
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARN"
    return "INFO" if number >= logging.INFO else "DEBUG"


def _field_name(name: str) -> str:
    name = _NOT_IN_FIELD_NAMES.sub("_", name[:64]) or "_"
    return f"field_{name}" if name in _HEAD else name


def _plain(value: object) -> object:
    """Keep what JSON has a type for; anything else becomes text that is cut."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    return _cut(str(value), MAX_TEXT_CHARACTERS)


def _logfmt(line: Line) -> str:
    return " ".join(f"{name}={_logfmt_value(value)}" for name, value in line.items())


def _logfmt_value(value: object) -> str:
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    if _BARE.fullmatch(text) and text.isprintable():
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escape(quoted, len(quoted))}"'


def _json(line: Line) -> str:
    # ASCII only: controls and bidirectional overrides come out escaped.
    return json.dumps({name: _plain(value) for name, value in line.items()})


_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_FORMATS: dict[str, Callable[[Line], str]] = {"logfmt": _logfmt, "json": _json}
