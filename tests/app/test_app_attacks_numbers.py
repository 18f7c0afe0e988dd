"""Attacks in numbers: none is shown that isn't one, and none is rounded on its way."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.faults.answers import metrics_text, stats
from page import Page
from rig import states
from siege import ROUNDS, siege

U64_MAX = 2**64 - 1

NOT_NUMBERS = (
    "NaN nan +Inf -Inf inf Infinity 1e999 -1e999 0x10 0b1 1_000 \u0661 \uff11 1e 1.2.3 ++1 1,5 . -"
).split()
"""NaN, infinities, hexadecimal, underscores, digits of other scripts, and worse."""


def memory_items(text: str) -> list[str]:
    """The lines of the guest's memory, less those that a 64-bit kernel lacks: each has a metric."""
    return re.findall(r'(?m)^kata_guest_meminfo\{item="(?!direct_map_4M|high_|low_).*$', text)


def with_values(values: list[str]) -> Callable[[str], str]:
    """Give the first items of memory these values."""

    def change(text: str) -> str:
        for line, value in zip(memory_items(text), values, strict=False):
            text = text.replace(f"{line}\n", f"{line.rpartition(' ')[0]} {value}\n")
        return text

    return change


def memory_of(page: Page, sandbox_id: str) -> set[str]:
    """Names of the metrics of a guest's memory that are shown."""
    return {
        series.partition("{")[0]
        for series in page.measured(sandbox_id)
        if series.startswith("kata_guest_memory_")
    }


async def test_g10_what_is_no_finite_decimal_number_is_not_shown_and_counted(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(metrics_text(with_values(NOT_NUMBERS)), tmp_path, clock) as held:
        had, has = (memory_of(page, held.attacker.id) for page in (held.before, held.after))
        assert has < had
        assert len(had - has) == len(NOT_NUMBERS)
        assert held.rejected() == {"bad_number": ROUNDS * len(NOT_NUMBERS)}
        for value in held.after.of(held.attacker.id).values():
            assert Decimal(value).is_finite()


async def test_g10_a_negative_counter_is_not_shown_and_counted(
    tmp_path: Path, clock: FakeClock
) -> None:
    def negative(text: str) -> str:
        return re.sub(r"(?m)^(kata_guest_cpu_time\{.*\}) (.*)$", r"\1 -\g<2>1", text)

    async with siege(metrics_text(negative), tmp_path, clock) as held:
        assert states(held.after.text)[held.attacker.id] == "ok"
        assert "kata_guest_cpu_seconds_total" in held.before.text
        assert not [
            series
            for series in held.after.of(held.attacker.id)
            if series.startswith("kata_guest_cpu_seconds_total")
        ]
        assert held.rejected().keys() == {"negative_counter"}


@pytest.mark.parametrize("value", ["18446744073709551615", "9007199254740993", "0"])
async def test_g10_a_count_that_no_float_holds_is_shown_as_it_is(
    value: str, tmp_path: Path, clock: FakeClock
) -> None:
    def counted(text: str) -> str:
        return re.sub(r'(?m)^(kata_guest_vm_stat\{item="pgfault"\}) .*$', rf"\1 {value}", text)

    async with siege(metrics_text(counted), tmp_path, clock) as held:
        shown = [
            shown
            for series, shown in held.after.of(held.attacker.id).items()
            if series.startswith("kata_guest_vmstat_pgfault")
        ]
        assert shown == [value]


async def test_g19_the_largest_numbers_of_statistics_are_shown_to_the_last_digit(
    tmp_path: Path, clock: FakeClock
) -> None:
    def largest(message: pb.StatsContainerResponse) -> None:
        cgroup = message.cgroup_stats
        cgroup.cpu_stats.cpu_usage.total_usage = U64_MAX
        cgroup.memory_stats.usage.usage = U64_MAX
        cgroup.memory_stats.usage.failcnt = U64_MAX
        cgroup.memory_stats.usage.limit = U64_MAX
        cgroup.pids_stats.current = U64_MAX
        cgroup.pids_stats.limit = U64_MAX

    async with siege(stats(largest), tmp_path, clock) as held:
        shown = {
            series.partition("{")[0].removeprefix("kata_container_"): value
            for series, value in held.after.measured(held.attacker.id).items()
            if series.startswith("kata_container_")
        }
        assert shown["cpu_usage_seconds_total"] == "18446744073.709551615"
        assert shown["memory_usage_bytes"] == str(U64_MAX)
        assert "spec_memory_limit_bytes" not in shown  # which is how "max" comes
        assert all("e" not in value.lower() for value in shown.values())


async def test_g19_a_map_of_thousands_of_made_up_keys_gives_no_series(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with siege("stats-bomb", tmp_path, clock) as held:
        assert "made_up" not in held.after.text
        assert held.after.of(held.attacker.id).keys() <= held.before.of(held.attacker.id).keys()
        assert states(held.after.text)[held.attacker.id] == "ok"


async def test_g19_a_map_over_the_cap_of_its_answer_is_refused_before_it_is_decoded(
    tmp_path: Path, clock: FakeClock
) -> None:
    def a_million(message: pb.StatsContainerResponse) -> None:
        for number in range(20_000):
            message.cgroup_stats.hugetlb_stats[f"made-up-{number}"].usage = U64_MAX

    async with siege(stats(a_million), tmp_path, clock) as held:
        assert "made-up" not in held.after.text
        assert states(held.after.text)[held.attacker.id] == "too_large"
        # What the guest said besides came on the same connection, and before.
        assert held.wires[-1].received_bytes < (1 << 20)


async def test_g19_a_map_below_that_cap_is_refused_by_the_count_of_its_keys(
    tmp_path: Path, clock: FakeClock
) -> None:
    def thousands(message: pb.StatsContainerResponse) -> None:
        for number in range(5_000):
            message.cgroup_stats.hugetlb_stats[f"made-up-{number}"].usage = 1

    async with siege(stats(thousands), tmp_path, clock) as held:
        assert "made-up" not in held.after.text
        assert states(held.after.text)[held.attacker.id] == "protocol_error"
        assert any(s.startswith("kata_guest_") for s in held.after.measured(held.attacker.id))
