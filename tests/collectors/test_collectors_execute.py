"""The one wrapper: whatever a collector does becomes a result."""

import asyncio

import pytest

from fake_clock import FakeClock
from fake_observer import failure
from kata_exporter.collectors.execute import Collected, execute
from kata_exporter.errors import ArgumentError, Reason, UrlError
from kata_exporter.guest.rejects import GuestTextError, RejectReason


async def test_success_is_ok_with_its_chunks_and_time(clock: FakeClock) -> None:
    async def work() -> Collected:
        clock.advance(1.5)
        return Collected(())

    result = await execute("guest_metrics", work, clock)

    assert (result.reason, result.chunks, result.duration_seconds) == (Reason.OK, (), 1.5)
    assert result.answered


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (failure(Reason.TIMEOUT), Reason.TIMEOUT),
        (failure(Reason.POLICY_BLOCKED), Reason.POLICY_BLOCKED),
        (UrlError("agent URL 'x': no scheme"), Reason.REJECTED),
        (ArgumentError("container.id", "x", "should be an id"), Reason.REJECTED),
        (GuestTextError(RejectReason.NOTHING_USABLE), Reason.REJECTED),
    ],
)
async def test_an_error_becomes_its_reason_and_words(
    clock: FakeClock, error: Exception, reason: Reason
) -> None:
    async def work() -> Collected:
        raise error

    result = await execute("guest_metrics", work, clock)

    assert (result.reason, result.chunks, result.detail) == (reason, None, str(error))


async def test_a_part_with_an_error_is_kept_with_the_errors_reason(clock: FakeClock) -> None:
    async def work() -> Collected:
        return Collected((), failure(Reason.AGENT_ERROR))

    result = await execute("container_stats", work, clock)

    assert (result.reason, result.chunks) == (Reason.AGENT_ERROR, ())
    assert result.answered


async def test_a_fault_of_ours_is_logged_and_kept_to_its_collector(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> Collected:
        raise KeyError("a bug")

    result = await execute("guest_metrics", work, clock)

    assert (result.reason, result.detail) == (Reason.REJECTED, "internal error: KeyError")
    assert "collector guest_metrics failed" in caplog.text


async def test_cancellation_goes_through(clock: FakeClock) -> None:
    async def work() -> Collected:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await execute("guest_metrics", work, clock)
