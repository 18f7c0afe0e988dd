"""What a guest may do to its own numbers: new names for ever, counters that fall or leap."""

from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from kata_exporter.guest.falling import MAX_RESETS, RESET_WINDOW_SECONDS
from promises import INTERVAL_SECONDS, assert_promises, healthy_stand
from rig import samples

pytestmark = pytest.mark.real

INTERFACES = 64


def _own(page: str, name: str) -> float:
    """Return the value of one of the exporter's own."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def _values(page: str, name: str, *with_texts: str) -> list[str]:
    lines = samples(page, name)
    return [line.split()[-1] for line in lines if all(text in line for text in with_texts)]


async def test_g16_new_interfaces_in_every_answer_are_no_more_than_the_cap(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]
        received = "kata_guest_network_receive_bytes_total"
        seen: set[str] = set()

        def note(page: str) -> None:
            own = (line for line in samples(page, received) if f'"{struck.id}"' in line)
            seen.update(line.split()[0] for line in own)

        lasts = 6 * INTERVAL_SECONDS
        await assert_promises(
            stand, "label-churn", [struck], {Reason.OK}, meanwhile=note, lasts_seconds=lasts
        )

        page = stand.rig.page()
        assert len(seen) == INTERFACES + 1
        assert sum('device="other"' in series for series in seen) == 1
        assert _values(page, "kata_exporter_rejected_total", '"label_overflow"') != ["0.0"]
        assert not any(
            'device="other"' in line for line in samples(page, received) if struck.id not in line
        )


async def test_g12_counters_that_step_back_are_resets_and_no_more_than_the_cap(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]
        idle = "kata_guest_cpu_seconds_total", f'"{struck.id}"', 'cpu="0",mode="idle"'
        shown: list[list[str]] = []
        resets: list[float] = []

        def note(page: str) -> None:
            shown.append(_values(page, *idle))
            resets.append(_own(page, "kata_exporter_guest_resets_total"))

        lasts = RESET_WINDOW_SECONDS
        await assert_promises(
            stand, "counter-rollback", [struck], {Reason.OK}, meanwhile=note, lasts_seconds=lasts
        )

        # A value that fell is shown as it is while there are resets left, and then not at all.
        assert ["0.001"] in shown
        assert [] in shown
        assert shown.index(["0.001"]) < shown.index([])
        assert max(resets) == MAX_RESETS
        page = stand.rig.page()
        assert _values(page, "kata_exporter_rejected_total", '"too_many_resets"') != ["0.0"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("oom-count-falls", "oom_kills_fell"), ("oom-count-leaps", "oom_kills_leapt")],
)
async def test_g12_a_count_of_oom_kills_that_no_kernel_has_is_not_believed(
    tmp_path: Path, clock: FakeClock, name: str, reason: str
) -> None:
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]
        for _ in range(2):
            struck.kill_for_memory(struck.containers[0].id)
        await stand.run_for(2 * INTERVAL_SECONDS)
        shown: set[str] = set()

        def note(page: str) -> None:
            shown.update(_values(page, "kata_guest_oom_kills_total", f'"{struck.id}"'))

        await assert_promises(stand, name, [struck], {Reason.OK}, meanwhile=note)

        assert shown == {"2"}
        page = stand.rig.page()
        assert _values(page, "kata_exporter_rejected_total", f'"{reason}"') != ["0.0"]
        # Nor is anything inferred from it.
        inferred = _values(page, "kata_container_oom_kills_inferred_total", f'"{struck.id}"')
        assert all(int(value) <= 2 for value in inferred)


async def test_g12_a_counter_that_leaps_is_that_sandboxes_alone(
    tmp_path: Path, clock: FakeClock
) -> None:
    """No number that a guest gives of itself can be held against another; it is shown exactly."""
    async with healthy_stand(tmp_path, clock) as stand:
        struck = stand.sandboxes[0]
        seconds = "kata_guest_cpu_seconds_total"
        leapt: list[float] = []

        def note(page: str) -> None:
            for line in samples(page, seconds):
                if f'"{struck.id}"' in line:
                    leapt.append(float(line.split()[-1]))
                else:
                    assert float(line.split()[-1]) < 1e9, line

        await assert_promises(stand, "counter-leap", [struck], {Reason.OK}, meanwhile=note)

        assert min(leapt) >= 3e11
