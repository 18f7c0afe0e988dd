"""Attacks on the wire: what the exporter reads of each is counted at its own sockets."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.collectors.link import MAX_BACKOFF_SECONDS
from kata_exporter.simulator.faults.wire import Step, Tampering, encoded
from kata_exporter.ttrpc.client_protocol import MAX_UNKNOWN_ANSWERS
from kata_exporter.ttrpc.frames import HEADER_BYTES, Frame
from rig import states, up
from siege import Siege, siege
from wire import answer

ONE_READ_BYTES = 256 << 10
"""What asyncio reads at once: what comes behind a broken rule is in the same piece at most."""

EVENTS = ("kata_exporter_protocol_events_total", "event")

MOST_ATTEMPTS = 4
"""In a minute: at the interval, a pause of one, of two, and the longest."""


def assert_refused(held: Siege, *, most_bytes: int) -> None:
    """Each attempt had a connection, of which so much was read, and which was closed then."""
    assert 1 <= len(held.wires) <= MOST_ATTEMPTS
    assert MAX_BACKOFF_SECONDS == 60.0
    for wire in held.wires:
        assert wire.received_bytes <= most_bytes
        assert not wire.open
    assert up(held.after.text)[held.attacker.id] == "0"
    assert not held.after.measured(held.attacker.id)


@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [
        ("oversize-4gib", HEADER_BYTES),
        ("oversize-4mib", HEADER_BYTES),
        ("oversize-sent", ONE_READ_BYTES),
    ],
)
async def test_g1_a_huge_length_is_refused_on_its_header_and_the_connection_closed(
    name: str, most_bytes: int, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        assert_refused(held, most_bytes=most_bytes)
        assert states(held.after.text)[held.attacker.id] == "too_large"
        assert held.counted(*EVENTS) == {"too_large": len(held.wires)}


async def test_g3_empty_answers_to_nobody_are_counted_until_the_budget_is_spent(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("flood", tmp_path, clock) as held:
        assert_refused(held, most_bytes=ONE_READ_BYTES)
        assert held.counted(*EVENTS) == {
            "unknown_answer": len(held.wires) * MAX_UNKNOWN_ANSWERS,
            "unknown_stream": len(held.wires),
        }


@pytest.mark.parametrize("name", ["flood-of-types", "garbage"])
async def test_g3_the_first_frame_that_breaks_a_rule_is_the_last_that_is_looked_at(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        assert_refused(held, most_bytes=ONE_READ_BYTES)
        assert held.counted(*EVENTS) == {"frame_type": len(held.wires)}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("wrong-stream-zero", "stream_id"),
        ("wrong-stream-even", "stream_id"),
        ("wrong-stream-future", "unknown_stream"),
    ],
)
async def test_g4_an_answer_on_a_stream_that_nobody_asked_on_is_nobodys(
    name: str, event: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "protocol_error"
        assert not held.after.measured(held.attacker.id)
        # One that is the other call's own stream is told as no answer to that.
        assert 1 <= held.counted(*EVENTS)[event] <= len(held.wires)


async def test_g4_the_first_of_two_answers_wins_and_the_second_is_counted(
    tmp_path: Path, clock: FakeClock
) -> None:
    forged = pb.Metrics(metrics='kata_guest_load{item="load1"} 666999666\n').SerializeToString()

    def with_a_second(frame: Frame) -> Iterable[Step]:
        return (encoded(frame), answer(frame.header.stream_id, forged))

    async with siege(Tampering(with_a_second, clock), tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "ok"
        assert all("666999666" not in page.text for page in held.pages)
        counted = held.counted(*EVENTS)
        assert counted.keys() == {"unknown_answer"}
        # At least GetMetrics has had one each time.
        assert counted["unknown_answer"] >= len(held.pages)
        assert len(held.wires) == 1


async def test_g4_answers_that_change_places_are_the_attackers_loss_alone(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(Tampering(Swapped(), clock), tmp_path, clock) as held:
        measured = held.after.measured(held.attacker.id)
        assert not measured
        assert states(held.after.text)[held.attacker.id] in {"protocol_error", "rejected"}


class Swapped:
    """Answers each of two questions with what the other asked for."""

    def __init__(self) -> None:
        self._kept: Frame | None = None

    def __call__(self, frame: Frame) -> Iterator[Step]:
        first, self._kept = self._kept, None
        if first is None:
            self._kept = frame
            return
        yield encoded(first, stream_id=frame.header.stream_id)
        yield encoded(frame, stream_id=first.header.stream_id)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hangs-up", "closed"),
        ("reset-unanswered", "closed"),
        ("truncated-header", "closed"),
        ("truncated-body", "closed"),
        ("reset", "closed"),
        ("closed-at-5000", "closed"),
        ("no-answer", "timeout"),
        ("oversize-4gib", "too_large"),
    ],
)
async def test_g20_an_end_at_any_byte_has_a_reason_and_publishes_nothing_of_it(
    name: str, reason: str, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with siege(name, tmp_path, clock) as held:
        had = held.before.measured(held.attacker.id)
        for page in held.pages:
            assert page.measured(held.attacker.id).items() <= had.items()
        assert states(held.after.text)[held.attacker.id] == reason
        told = [record for record in caplog.records if record.levelname != "INFO"]
        assert {getattr(record, "fields", {})["reason"] for record in told} == {reason}
        assert all(record.exc_info is None for record in told)
