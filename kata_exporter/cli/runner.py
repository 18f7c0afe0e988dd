"""Running a command on an event loop until it is done or a signal ends it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_T = TypeVar("_T")


def run_until_signal(
    command: Coroutine[Any, Any, _T], *, on_hangup: Callable[[], object] | None = None
) -> _T | None:
    """Run `command`; return what it returns, or None when a signal ended it.

    SIGTERM and SIGINT do, and SIGHUP, which comes when a terminal is closed, unless the process was
    started to ignore it (nohup). The first signal cancels the command, whose ``finally`` clauses
    clean up. From then on each has its default action: a second one ends the process at once.

    With `on_hangup`, SIGHUP ends nothing, and that is called on the event loop each time.
    """
    with asyncio.Runner() as runner:
        return runner.run(_until_signal(command, on_hangup))


async def until_cancelled() -> None:
    """Wait for the signal."""
    await asyncio.Event().wait()


async def _until_signal(
    command: Coroutine[Any, Any, _T], on_hangup: Callable[[], object] | None
) -> _T | None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(command)
    signalled = False
    ours = [s for s in _SIGNALS if s != signal.SIGHUP or _hangup_ends(on_hangup)]

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        nonlocal signalled
        signalled = True
        for ended_by in ours:
            signal.signal(ended_by, signal.SIG_DFL)
        loop.call_soon_threadsafe(task.cancel)

    def on_reload(_signum: int, _frame: FrameType | None) -> None:
        if on_hangup is not None:
            loop.call_soon_threadsafe(on_hangup)

    # Not loop.add_signal_handler: its handlers wait for the loop, and a second signal must be able
    # to end a loop that is stuck.
    before = {signum: signal.signal(signum, on_signal) for signum in ours}
    if on_hangup is not None:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, on_reload)
    try:
        return await task
    except asyncio.CancelledError:
        if not signalled:
            raise
        return None
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _hangup_ends(on_hangup: Callable[[], object] | None) -> bool:
    return on_hangup is None and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
