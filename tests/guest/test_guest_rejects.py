"""Reasons of rejection."""

import re

from kata_exporter.errors import KataExporterError
from kata_exporter.guest.rejects import GuestTextError, RejectReason


def test_error_carries_its_reason_and_says_it() -> None:
    error = GuestTextError(RejectReason.TOO_MANY_LINES)

    assert isinstance(error, KataExporterError)
    assert error.reason is RejectReason.TOO_MANY_LINES
    assert "too_many_lines" in str(error)


def test_every_reason_can_be_a_label_value() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in RejectReason)
