"""Attacks in words: what a guest writes reaches a log and a collector of spans cut and escaped."""

import json
import re
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.errors import SHOWN_CHARACTERS
from kata_exporter.telemetry.otel import semconv
from kata_exporter.telemetry.otel.semconv import MAX_VALUE_CHARACTERS
from otlp_receiver import otlp_receiver, plain
from siege import Siege, siege

MINUTES = 3
ROUNDS = 4 * MINUTES

ATTRIBUTES = {
    value
    for name, value in vars(semconv).items()
    if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z0-9._]+", value)
}
"""Keys that spans may have."""

TRACES = ("\x1b", "owned", "\u202e", "gnitaefer", "rpc.rs", "\r", "\x00")
"""Of the simulator's `TERRIBLE_TEXT`: what a page must have nothing of."""


def lines_about(held: Siege) -> list[str]:
    """Lines of the log about the attacker, as they are written."""
    return [line for _, key, line in held.stand.log.lines if key and held.attacker.id in line]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("status-internal", "INTERNAL: "),
        ("status-unknown-number", "UNKNOWN: "),
        ("status-huge", ""),
        ("status-permission-denied", "PERMISSION_DENIED: "),
        ("forged-version", ""),
    ],
)
async def test_g5_an_error_is_one_escaped_line_a_minute_of_so_many_characters(
    name: str, shown: str, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with siege(name, tmp_path, clock, rounds=ROUNDS) as held:
        lines = lines_about(held)
        assert len(lines) <= MINUTES
        assert all(line.isascii() and line.isprintable() for line in lines)
        errors = [
            fields["error"]
            for record in caplog.records
            if (fields := getattr(record, "fields", {})).get("sandbox_id") == held.attacker.id
        ]
        assert len(errors) == len(lines)
        for error in errors:
            assert shown in error
            assert len(error.partition(shown)[2] if shown else "") <= SHOWN_CHARACTERS
        assert bool(errors) == (name != "forged-version")


@pytest.mark.parametrize(
    "name", ["status-internal", "status-unknown-number", "status-huge", "forged-version"]
)
async def test_g5_what_a_guest_writes_is_on_no_page(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        for trace in TRACES:
            assert all(trace not in page.text for page in held.pages)
        _, body = await held.stand.rig.get("/api/v1/sandboxes")
        # In the list it is why, in JSON: escaped before, so that nobody's terminal is told.
        texts = list(strings(json.loads(body)))
        assert all(text.isprintable() for text in texts)
        assert all(len(text) <= 2 * SHOWN_CHARACTERS for text in texts)


async def test_g17_spans_have_the_hosts_knowledge_and_of_a_guest_what_is_cut_and_escaped(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with otlp_receiver() as (url, received):
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        for number, name in enumerate(("status-unknown-number", "forged-version")):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with siege(name, folder, clock, environ=environ) as held:
                assert held.stand.rig.wire

    spans = received.spans
    assert len(spans) > 100
    failed = [span for span in spans if span.status.message]
    assert failed
    for span in spans:
        attributes = plain(iter(span.attributes))
        assert attributes.keys() <= ATTRIBUTES
        texts = [text for text in attributes.values() if isinstance(text, str)]
        texts += [span.name, span.status.message, *(event.name for event in span.events)]
        assert all(text.isascii() and text.isprintable() for text in texts)
        assert all(len(text) <= MAX_VALUE_CHARACTERS for text in texts)
        assert not any(plain(iter(event.attributes)) for event in span.events)
        # Of a guest's words there is one text, which is cut; its version is none of them.
        assert not any(trace in text for trace in TRACES for text in map(str, attributes.values()))
    for span in failed:
        assert len(span.status.message) <= SHOWN_CHARACTERS + len("UNKNOWN: ")


def strings(value: object) -> list[str]:
    """Every string in a JSON document."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return []
