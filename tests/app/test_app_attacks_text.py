"""Attacks in the metrics text: what is taken of each is no more, and no other, than the schema says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.guest.limits import DEFAULT_LIMITS
from kata_exporter.simulator.faults.answers import metrics_text
from rig import states
from siege import ROUNDS, siege

MORE = {"kata_guest_load1", "kata_guest_load5", "kata_guest_load15"}
"""Of three samples, what is left where the first isn't taken, is."""


def line_of(item: str, change: Callable[[str], str]) -> Callable[[str], str]:
    """Change the line of one item of the load."""
    return lambda text: re.sub(
        rf'^kata_guest_load{{item="{item}"}} .*$', lambda m: change(m[0]), text, flags=re.MULTILINE
    )


@pytest.mark.parametrize(
    ("name", "reason", "rejected"),
    [
        ("many-samples", "rejected", "too_many_lines"),
        ("endless-comments", "rejected", "too_many_lines"),
        ("many-labels", "ok", "line_too_long"),
        ("long-label", "ok", "line_too_long"),
        ("endless-line", "ok", "line_too_long"),
    ],
)
async def test_g6_a_text_bomb_costs_its_caps_and_gives_no_series_more(
    name: str, reason: str, rejected: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == reason
        # Large texts are read in a thread, for which the clock of the test doesn't wait.
        counted = held.rejected()
        assert counted.keys() == {rejected}
        assert ROUNDS - 2 <= counted[rejected] <= ROUNDS
        measured = held.after.measured(held.attacker.id).keys()
        if reason == "ok":
            assert measured == held.before.measured(held.attacker.id).keys()
        else:
            assert not any(series.startswith("kata_guest_") for series in measured)
            assert any(series.startswith("kata_container_") for series in measured)


async def test_g6_series_that_may_all_be_so_are_capped(tmp_path: Path, clock: FakeClock) -> None:
    async with siege("full-text", tmp_path, clock) as held:
        guests = [s for s in held.after.measured(held.attacker.id) if s.startswith("kata_guest_")]
        assert len(guests) <= DEFAULT_LIMITS.series
        assert states(held.after.text)[held.attacker.id] == "ok"
        # Seventeen thousand samples came, and each that isn't shown was counted.
        assert sum(held.rejected().values()) > ROUNDS * 5000


async def test_g11_a_sample_with_a_time_is_not_taken_and_no_time_is_passed_on(
    tmp_path: Path, clock: FakeClock
) -> None:
    stamped = line_of("load1", lambda line: f"{line} 41024447991234")
    async with siege(metrics_text(stamped), tmp_path, clock) as held:
        assert MORE - held.after.families == set()
        lost = held.before.of(held.attacker.id).keys() - held.after.of(held.attacker.id).keys()
        assert [series.partition("{")[0] for series in lost] == ["kata_guest_load1"]
        assert held.rejected() == {"timestamp": ROUNDS}
        assert "41024447991234" not in held.after.text


async def test_g11_a_text_in_which_every_sample_has_a_time_is_refused(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("timestamps", tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "rejected"
        assert held.rejected() == {"nothing_usable": ROUNDS}
        assert "41024447991234" not in held.after.text


async def test_g13_text_that_is_no_utf8_is_refused_whole(tmp_path: Path, clock: FakeClock) -> None:
    async with siege("bad-utf8", tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "protocol_error"
        measured = held.after.measured(held.attacker.id)
        assert not any(series.startswith("kata_guest_") for series in measured)


async def test_g13_values_with_characters_that_cannot_be_shown_are_dropped_one_by_one(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("odd-characters", tmp_path, clock) as held:
        assert held.after.of(held.attacker.id).keys() == held.before.of(held.attacker.id).keys()
        assert held.after.text.replace("\n", "").isprintable()
        assert held.rejected() == {"bad_label": ROUNDS * 7}


async def test_g14_syntax_of_openmetrics_is_none_and_ends_no_page(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("openmetrics", tmp_path, clock) as held:
        assert held.after.of(held.attacker.id).keys() == held.before.of(held.attacker.id).keys()
        for trace in ("# EOF", "trace_id", "_created", "# UNIT"):
            assert trace not in held.after.text
        assert held.rejected() == {"bad_syntax": ROUNDS, "unknown_family": ROUNDS}


async def test_g15_the_first_of_two_samples_is_kept_and_the_second_counted(
    tmp_path: Path, clock: FakeClock
) -> None:
    def twice(text: str) -> str:
        return text + re.sub(r"(?m)^(kata_guest_load.*) .*$", r"\1 666999666", text)

    async with siege(metrics_text(twice), tmp_path, clock) as held:
        # That no series is there twice, each page was asked when it was taken apart.
        assert held.after.of(held.attacker.id).keys() == held.before.of(held.attacker.id).keys()
        assert "666999666" not in held.after.text
        rejected = held.rejected()
        assert rejected.keys() == {"duplicate"}
        assert rejected["duplicate"] % ROUNDS == 0


async def test_g15_a_sample_with_a_label_twice_is_dropped(tmp_path: Path, clock: FakeClock) -> None:
    doubled = line_of(
        "load1", lambda line: line.replace('item="load1"', 'item="load1",item="load1"')
    )
    async with siege(metrics_text(doubled), tmp_path, clock) as held:
        lost = held.before.of(held.attacker.id).keys() - held.after.of(held.attacker.id).keys()
        assert [series.partition("{")[0] for series in lost] == ["kata_guest_load1"]
        assert held.rejected() == {"bad_label": ROUNDS}
