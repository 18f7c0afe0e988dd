"""How a runtime that is away is dialled again, and what the log says of it."""

import logging

import pytest

from fake_clock import FakeClock
from kata_exporter.discovery.runtime import OutageLog
from kata_exporter.discovery.runtime.backoff import Backoff
from kata_exporter.errors import RuntimeCallError

logger = logging.getLogger(__name__)


def test_pauses_double_from_one_second_to_five_and_begin_anew_with_a_success() -> None:
    backoff = Backoff()
    assert [backoff.pause_seconds() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]

    backoff.succeeded()
    assert backoff.pause_seconds() == 1.0


def test_an_outage_is_a_line_a_minute_and_one_at_its_end(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = OutageLog(logger, clock, away="it is away", none="there is none", back="it is there")
    error = RuntimeCallError("UNAVAILABLE", "no socket")

    log.succeeded()
    log.succeeded()
    for _ in range(61):
        log.failed(error, sandboxes=3)
        clock.advance(1.0)
    log.succeeded(socket="/run/c.sock")
    log.failed(error)
    log.succeeded()

    lines = [(r.getMessage(), r.__dict__["fields"]) for r in caplog.records]
    assert lines == [
        ("it is there", {}),
        ("it is away", {"code": "UNAVAILABLE", "error": "no socket", "sandboxes": 3}),
        (
            "it is away",
            {
                "code": "UNAVAILABLE",
                "error": "no socket",
                "sandboxes": 3,
                "lines_passed_over": 59,
            },
        ),
        ("it is there", {"socket": "/run/c.sock"}),
    ]
