"""Running until done or until a signal."""

import asyncio
import signal
import subprocess
import sys

import pytest

from kata_exporter.cli.runner import run_until_signal, until_cancelled

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


async def cleaning_up(signum: signal.Signals, steps: list[str]) -> None:
    """Wait for a signal that comes at once, and clean up with an await in it."""
    try:
        signal.raise_signal(signum)
        await until_cancelled()
    finally:
        await asyncio.sleep(0)
        steps.append("cleaned up")


def test_what_the_command_returns_is_returned() -> None:
    async def command() -> int:
        return 7

    assert run_until_signal(command()) == 7


def test_what_the_command_raises_is_raised() -> None:
    async def command() -> None:
        raise LookupError("x")

    with pytest.raises(LookupError, match="x"):
        run_until_signal(command())


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_cancels_the_command_which_cleans_up(signum: signal.Signals) -> None:
    steps: list[str] = []

    assert run_until_signal(cleaning_up(signum, steps)) is None
    assert steps == ["cleaned up"]


def test_a_closed_terminal_is_ignored_by_who_was_started_to_ignore_it() -> None:
    async def command() -> int:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        return 7

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_signal(command()) == 7
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(signum) for signum in SIGNALS]

    run_until_signal(cleaning_up(signal.SIGTERM, []))

    assert [signal.getsignal(signum) for signum in SIGNALS] == before


def test_a_command_that_cancels_itself_is_no_signal() -> None:
    async def command() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_until_signal(command())


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_ends_a_process_that_is_stuck_while_it_cleans_up(
    second: signal.Signals,
) -> None:
    code = """
import signal, sys
from kata_exporter.cli.runner import run_until_signal, until_cancelled

async def command():
    try:
        signal.raise_signal(signal.SIGTERM)
        await until_cancelled()
    finally:
        print("stuck", flush=True)
        sys.stdin.read()

run_until_signal(command())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stuck\n"
        process.send_signal(second)
        assert process.wait(timeout=10) == -second


def test_with_something_to_do_on_sighup_it_ends_nothing() -> None:
    """As often as it comes, and for who was started to ignore it as well."""
    calls: list[int] = []

    async def command() -> int:
        for number in range(3):
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(calls) == number + 1
        return 7

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_signal(command(), on_hangup=lambda: calls.append(1)) == 7
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_with_something_to_do_on_sighup_other_signals_end_it_and_a_sighup_meanwhile_does_not() -> (
    None
):
    calls: list[int] = []
    steps: list[str] = []

    async def command() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            await until_cancelled()
        finally:
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            steps.append("cleaned up")

    assert run_until_signal(command(), on_hangup=lambda: calls.append(1)) is None
    assert (steps, calls) == (["cleaned up"], [1])
