"""Refusals: an agent may deny what it likes. It is seen, remembered, and hides nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.collectors.link import ASK_AGAIN_SECONDS
from kata_exporter.simulator.faults.answers import NoAnswer, Status
from kata_exporter.simulator.faults.base import Fault, Handle
from kata_exporter.ttrpc import Code, ServerRequest, StatusError
from page import Page
from promises import INTERVAL_SECONDS, Stand, fault, healthy_stand
from rig import states, up
from siege import siege

MINUTES = 21
"""Twice as long as a refusal is remembered, and a little."""


def asked_times(stand: Stand, since: int, method: str) -> int:
    """How often agents were asked for it since so many requests."""
    return [request.method for request in stand.rig.wire[since:]].count(method)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("policy-denied", "policy_blocked"),
        ("policy-undefined", "policy_blocked"),
        ("status-permission-denied", "policy_blocked"),
        ("old-agent", "unsupported"),
        ("older-agent", "unsupported"),
    ],
)
async def test_g23_who_refuses_everything_is_up_and_told_to_refuse(
    name: str, reason: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with siege(name, tmp_path, clock) as held:
        id_ = held.attacker.id
        for page in held.pages:
            assert states(page.text)[id_] == reason
            assert up(page.text)[id_] == "1"
            success = {
                series: value
                for series, value in page.of(id_).items()
                if series.startswith("kata_sandbox_collector_success")
            }
            assert set(success.values()) == {"0"}
            assert len(success) == 2
        # Nothing old is shown for ever of who says nothing any more.
        assert not held.after.measured(id_)
        assert any(series.startswith("kata_sandbox_info") for series in held.after.of(id_))


async def test_a_guest_that_forbids_its_metrics_alone_has_those_of_its_containers_and_its_info(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=1) as stand:
        (sandbox,) = stand.sandboxes
        asked, page = len(stand.rig.wire), Page("")
        async with fault("policy-denies-metrics", [sandbox]):
            for _ in range(MINUTES):
                await stand.run_for(60.0)
                page = Page(await stand.rig.scrape())
                assert states(page.text)[sandbox.id] == "policy_blocked"
                assert up(page.text)[sandbox.id] == "1"
                assert_containers_fresh(stand, page, sandbox.id)
            times = asked_times(stand, asked, "GetMetrics")

        families = {series.partition("{")[0] for series in page.of(sandbox.id)}
        assert families > {"kata_sandbox_info", "kata_agent_info", "kata_container_info"}
        assert "kata_container_memory_usage_bytes" in families
        measured = {series.partition("{")[0] for series in page.measured(sandbox.id)}
        assert not any(family.startswith("kata_guest_") for family in measured)
        assert times == 1 + MINUTES * 60 // ASK_AGAIN_SECONDS
        assert asked_times(stand, asked, "StatsContainer") >= MINUTES * 60 // INTERVAL_SECONDS


async def test_a_guest_that_forbids_statistics_alone_has_its_own_metrics(
    tmp_path: Path, clock: FakeClock
) -> None:
    denial = Status(Code.PERMISSION_DENIED, "blocked by policy", only="StatsContainer")
    async with siege(denial, tmp_path, clock) as held:
        id_ = held.attacker.id
        assert states(held.after.text)[id_] == "policy_blocked"
        measured = held.after.measured(id_)
        assert any(series.startswith("kata_guest_load1") for series in measured)
        assert not any(series.startswith("kata_container_") for series in measured)


async def test_a_refusal_that_lasts_is_a_line_of_information_as_often_as_it_is_made_sure_of(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with (
        healthy_stand(tmp_path, clock, sandboxes=1) as stand,
        fault("policy-denies-metrics", stand.sandboxes),
    ):
        await stand.run_for(MINUTES * 60.0)

    told = [r for r in caplog.records if getattr(r, "fields", {}).get("reason") == "policy_blocked"]
    assert {record.levelname for record in told} == {"INFO"}
    assert len(told) == 1 + MINUTES * 60 // ASK_AGAIN_SECONDS


class RefusesThenHangs(NoAnswer):
    """Denies one method, and once told to, says nothing more to any other."""

    def __init__(self, denied: Sequence[str]) -> None:
        super().__init__()
        self.hangs = False
        self._denied = denied

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        if self.hangs:
            return await super().answer(request, handle)
        if request.method in self._denied:
            return await Status(Code.PERMISSION_DENIED, "no").answer(request, handle)
        return await handle(request)


@pytest.mark.parametrize(
    "denied", [["GetMetrics"], ["StatsContainer"], ["GetMetrics", "StatsContainer", "Check"]]
)
async def test_g23_a_guest_that_refuses_and_then_hangs_is_told_to_hang(
    denied: Sequence[str], tmp_path: Path, clock: FakeClock
) -> None:
    async with healthy_stand(tmp_path, clock, sandboxes=1) as stand:
        (sandbox,) = stand.sandboxes
        refuses = RefusesThenHangs(denied)
        async with fault(refuses, [sandbox]):
            await stand.run_for(2 * INTERVAL_SECONDS)
            assert (states(stand.rig.page()), up(stand.rig.page())) == (
                {sandbox.id: "policy_blocked"},
                {sandbox.id: "1"},
            )
            refuses.hangs = True

            await stand.run_for(2 * INTERVAL_SECONDS)

            assert states(stand.rig.page()) == {sandbox.id: "timeout"}
            assert up(stand.rig.page()) == {sandbox.id: "0"}


class HasNot(Fault):
    """An agent without one of the containers."""

    def __init__(self, container_id: str) -> None:
        self._named = container_id.encode()

    async def answer(self, request: ServerRequest, handle: Handle) -> bytes:
        if self._named in request.payload:
            raise StatusError(Code.INVALID_ARGUMENT, "Invalid container id")
        return await handle(request)


async def test_a_container_that_has_just_gone_costs_nobody_its_series(
    tmp_path: Path, clock: FakeClock
) -> None:
    """It is still on the exporter's list; the agent says INVALID_ARGUMENT."""
    async with healthy_stand(tmp_path, clock, sandboxes=4) as stand:
        sandbox = next(s for s in stand.sandboxes if len(s.containers) > 1)
        gone, *others = sandbox.containers
        asked = len(stand.rig.wire)
        await sandbox.suffer(HasNot(gone.id))

        await stand.run_for(10 * 60.0)

        page = Page(await stand.rig.scrape())
        assert states(page.text)[sandbox.id] == "ok"
        measured = page.measured(sandbox.id)
        assert not any(f'container_id="{gone.id}"' in series for series in measured)
        for other in others:
            assert any(f'container_id="{other.id}"' in series for series in measured)
        times = [gone.id.encode() in request.payload for request in stand.rig.wire[asked:]].count(
            True
        )
        assert 2 <= times <= 7


def assert_containers_fresh(stand: Stand, page: Page, sandbox_id: str) -> None:
    """The last statistics are of the last interval."""
    (stamp,) = (
        float(value)
        for series, value in page.of(sandbox_id).items()
        if series.startswith("kata_sandbox_last_collection_timestamp_seconds")
        and 'collector="container_stats"' in series
    )
    assert stand.clock.time() - stamp <= INTERVAL_SECONDS + 1.0
