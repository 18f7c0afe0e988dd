"""Tests of log lines: their shape, that each stays one line, and that there are few."""

import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter.errors import ConfigError, Reason
from kata_exporter.telemetry.logs import (
    LIMITED_LIBRARIES,
    MAX_TEXT_CHARACTERS,
    LineFormatter,
    LogLimiter,
    StderrHandler,
    configure_logging,
    escape,
    fields,
)
from kata_exporter.telemetry.trace_link import CURRENT_TRACE, TraceLink

ours = logging.getLogger("kata_exporter.tests")
HOSTILE = 'a\nlevel=ERROR msg="forged"\r\x1b[2J\x00\x7f\x85\u2028\u202e\u2066\udcff"\\'
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put back what `configure_logging` changes: loggers belong to the process."""
    names = ("", "aiohttp.access", *LIMITED_LIBRARIES)
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.level, one.handlers[:], one.propagate, one.disabled) for one in loggers]
    yield
    for one, (level, handlers, propagate, disabled) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers[:] = handlers
        one.propagate = propagate
        one.disabled = disabled


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n") or not err
    return err.removesuffix("\n").split("\n") if err else []


def format_of(fmt: str) -> LineFormatter:
    configure_logging("info", fmt)
    (handler,) = (h for h in logging.getLogger().handlers if isinstance(h, StderrHandler))
    assert isinstance(handler.formatter, LineFormatter)
    return handler.formatter


def record(message: str, *args: object, created: float = 1_800_000_000.25) -> logging.LogRecord:
    made = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, args, None)
    made.created = created
    return made


def log_raised(logger: logging.Logger, error: Exception, message: str, **extra: object) -> None:
    """Log an error that was raised, and so has a traceback."""
    try:
        raise error
    except type(error):
        logger.exception("%s", message, extra=extra)


def test_logfmt_line_has_time_level_message_and_fields() -> None:
    made = record("no answer from %s", "demo-1")
    made.__dict__.update(
        fields(sandbox_id="demo-1", reason=Reason.TIMEOUT, seconds=0.5, n=3, up=False, why="a b")
    )

    assert format_of("logfmt").format(made) == (
        "time=2027-01-15T08:00:00.250Z level=WARN "
        'msg="no answer from demo-1" sandbox_id=demo-1 reason=timeout seconds=0.5 n=3 up=false why="a b"'
    )


def test_json_line_has_the_same_with_types() -> None:
    made = record("no answer")
    made.__dict__.update(
        fields(sandbox_id="demo-1", seconds=0.5, n=3, up=False, ratio=float("nan"))
    )

    assert json.loads(format_of("json").format(made)) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "WARN",
        "msg": "no answer",
        "sandbox_id": "demo-1",
        "seconds": 0.5,
        "n": 3,
        "up": False,
        "ratio": "nan",
    }


@pytest.mark.parametrize(
    ("number", "word"),
    [(10, "DEBUG"), (20, "INFO"), (25, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "ERROR")],
)
def test_level_words_are_those_of_promslog(number: int, word: str) -> None:
    made = record("m")
    made.levelno = number

    assert f" level={word} " in format_of("logfmt").format(made)


def test_milliseconds_are_always_three_digits() -> None:
    assert (
        format_of("logfmt")
        .format(record("m", created=0))
        .startswith("time=1970-01-01T00:00:00.000Z ")
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", '""'),
        ("a=b", '"a=b"'),
        ('say "x"', r'"say \"x\""'),
        (r"C:\x", r'"C:\\x"'),
        ("é", "é"),
        ("tab\t", r'"tab\t"'),
        ("\x1b[2J", r'"\u001b[2J"'),
        ("\U000e0001", r'"\U000e0001"'),
        (None, "null"),
        (b"\xff", r'''"b'\\xff'"'''),
    ],
)
def test_logfmt_quotes_what_needs_it(value: object, written: str) -> None:
    made = record("m")
    made.__dict__["fields"] = {"v": value}

    assert format_of("logfmt").format(made).endswith(f" v={written}")


@pytest.mark.parametrize("fmt", ["logfmt", "json"])
def test_hostile_text_stays_one_line_wherever_it_is(
    fmt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("debug", fmt)
    hostile_names = {HOSTILE: HOSTILE, "time": "1999", "msg": HOSTILE}
    log_raised(ours, ValueError(HOSTILE), HOSTILE, fields=hostile_names)

    (line,) = lines(capsys)
    assert not CONTROLS.search(line)
    assert "field_time" in line


@given(st.text(), st.text(), st.text())
def test_any_text_gives_one_printable_line(message: str, name: str, value: str) -> None:
    made = record("%s", message)
    made.__dict__["fields"] = {name: value}
    for fmt in ("logfmt", "json"):
        line = format_of(fmt).format(made)

        assert line.isprintable()


@given(st.text(), st.text())
def test_json_lines_give_back_what_was_logged(message: str, value: str) -> None:
    made = record("%s", message)
    made.__dict__["fields"] = {"value": value}
    decoded = json.loads(format_of("json").format(made))

    assert (decoded["msg"], decoded["value"]) == (message, value)


def test_long_texts_are_cut() -> None:
    made = record("m" * 100_000)
    made.__dict__["fields"] = {"v": "v" * 100_000}

    assert len(format_of("logfmt").format(made)) < 2 * MAX_TEXT_CHARACTERS + 200


def test_fields_leave_out_none() -> None:
    assert fields(a=1, b=None) == {"fields": {"a": 1}}


def test_escape_cuts_and_leaves_escaped_text_alone() -> None:
    assert escape("a\nb\x1b\u202e") == r"a\nb\u001b\u202e"
    assert escape(escape("a\nb")) == r"a\nb"
    assert escape("abcdef", 3) == "abc..."


def test_exception_is_one_field_without_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "logfmt")
    log_raised(ours, ValueError("two\nlines"), "failed")

    (line,) = lines(capsys)
    assert line.endswith(r' level=ERROR msg=failed error="ValueError: two\nlines"')


def test_traceback_is_shown_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "json")
    log_raised(ours, ValueError("no"), "failed")

    (line,) = lines(capsys)
    decoded = json.loads(line)
    assert decoded["error"] == "ValueError: no"
    assert decoded["traceback"].startswith("Traceback (most recent call last):\n")
    assert __file__ in decoded["traceback"]


def test_exc_info_without_an_exception_adds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "logfmt")
    ours.warning("m", exc_info=True)

    (line,) = lines(capsys)
    assert line.endswith("level=WARN msg=m")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("debug", ["DEBUG", "INFO", "WARN", "ERROR"]),
        ("info", ["INFO", "WARN", "ERROR"]),
        ("warn", ["WARN", "ERROR"]),
        ("error", ["ERROR"]),
    ],
)
def test_level_is_a_threshold(
    level: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level, "json")
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        ours.log(number, "m")

    assert [json.loads(line)["level"] for line in lines(capsys)] == words


def test_a_second_call_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "logfmt")
    configure_logging("info", "json")
    ours.info("once")
    logging.getLogger("opentelemetry.sdk").warning("once too")

    assert [json.loads(line)["msg"] for line in lines(capsys)] == ["once", "once too"]


@pytest.mark.parametrize(
    ("level", "fmt", "message"),
    [
        ("loud", "json", "log level 'loud' is not one of debug, info, warn, error"),
        ("info", "xml", "log format 'xml' is not one of logfmt, json"),
    ],
)
def test_unknown_words_are_refused(level: str, fmt: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure_logging(level, fmt)

    assert str(caught.value) == message


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_record_that_cannot_be_formatted_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()  # pytest's raises what it can't format
    configure_logging("info", "logfmt")
    ours.info("%s", _Unprintable())

    (line,) = lines(capsys)
    assert re.search(
        r'level=ERROR msg="a log line could not be made" '
        r"where=kata_exporter\.tests:\d+ error=RuntimeError$",
        line,
    )


def test_a_closed_stderr_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    configure_logging("info", "logfmt")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Closed())
        ours.info("nobody reads this")
    ours.info("again")

    (line,) = lines(capsys)
    assert line.endswith("msg=again")


def test_access_log_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "logfmt")
    logging.getLogger("aiohttp.access").info("GET /metrics")

    assert lines(capsys) == []


@pytest.mark.parametrize("library", LIMITED_LIBRARIES)
def test_a_library_gets_one_line_a_minute(
    library: str, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    suppressed: list[None] = []
    configure_logging("info", "json", clock=clock, on_suppressed=lambda: suppressed.append(None))
    theirs = logging.getLogger(f"{library}.sdk.trace.export")
    for _ in range(5):
        log_raised(theirs, ConnectionError("refused\nagain"), "failed to export")
    clock.advance(60)
    theirs.warning("still down")

    first, second = (json.loads(line) for line in lines(capsys))
    assert first["msg"] == "failed to export"
    assert first["error"] == "ConnectionError: refused\nagain"
    assert first["library"] == theirs.name
    assert "traceback" not in first
    assert "passed_over" not in first
    assert (second["msg"], second["passed_over"]) == ("still down", 4)
    assert len(suppressed) == 4


def test_lines_of_a_library_below_warning_use_up_no_allowance(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("debug", "json", clock=clock)
    theirs = logging.getLogger("urllib3.connectionpool")
    theirs.debug("Starting new HTTP connection")
    theirs.warning("refused")

    assert [json.loads(line)["msg"] for line in lines(capsys)] == ["refused"]


def test_limiter_lets_one_line_per_key_and_period_through(clock: FakeClock) -> None:
    limiter = LogLimiter(clock)
    key = ("demo-1", Reason.TIMEOUT)

    assert limiter.allow(key) == 0
    assert limiter.allow(key) is None
    assert limiter.allow(("demo-1", Reason.CLOSED)) == 0
    assert limiter.allow(("demo-2", Reason.TIMEOUT)) == 0

    clock.advance(59.5)
    assert limiter.allow(key) is None

    clock.advance(0.5)
    assert limiter.allow(key) == 2
    assert limiter.allow(key) is None

    clock.advance(60)
    assert limiter.allow(key) == 1


def test_limiter_tells_of_each_line_that_it_passes_over(clock: FakeClock) -> None:
    suppressed: list[None] = []
    limiter = LogLimiter(
        clock, period_seconds=10, capacity=1, on_suppressed=lambda: suppressed.append(None)
    )
    limiter.allow("a")
    limiter.allow("a")
    limiter.allow("b")

    assert len(suppressed) == 2


def test_keys_that_are_made_up_fill_neither_log_nor_memory(clock: FakeClock) -> None:
    limiter = LogLimiter(clock, capacity=100)

    allowed = [number for number in range(10_000) if limiter.allow(number) is not None]

    assert allowed == list(range(100))
    assert len(limiter._windows) == 100


def test_a_full_limiter_makes_room_once_the_oldest_period_is_over(clock: FakeClock) -> None:
    limiter = LogLimiter(clock, capacity=2)
    limiter.allow("a")
    clock.advance(30)
    limiter.allow("b")
    clock.advance(30)
    assert limiter.allow("a") == 0  # renewed: b is now the oldest

    assert limiter.allow("c") is None
    clock.advance(30)
    assert limiter.allow("c") == 0
    assert limiter.allow("b") is None
    assert limiter.allow("a") is None


@pytest.mark.parametrize("exported", [True, False])
def test_a_line_names_the_trace_that_it_is_about_if_that_is_exported(*, exported: bool) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", (), None)
    token = CURRENT_TRACE.set(TraceLink("a" * 32, "b" * 16, exported))
    try:
        line = LineFormatter(lambda line: json.dumps(dict(line)), tracebacks=False).format(record)
    finally:
        CURRENT_TRACE.reset(token)

    ids = {"trace_id": "a" * 32, "span_id": "b" * 16}
    assert {name: value for name, value in json.loads(line).items() if name in ids} == (
        ids if exported else {}
    )
