"""Sessions with a container runtime, for as long as the exporter runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from kata_exporter.clock import Clock
from kata_exporter.discovery.runtime.backoff import Backoff
from kata_exporter.errors import RuntimeAbsentError, RuntimeCallError

OnAbsent: TypeAlias = Callable[[RuntimeAbsentError], None]
OnFailed: TypeAlias = Callable[[RuntimeCallError, Exception | None], None]


class Sessions:
    """Begins a session again and again, after a pause each time that one has failed.

    Args:
        clock: for the pauses.
        on_absent: told that there is no runtime, as long as none has answered.
        on_failed: told of every other failure; an error of our own is INTERNAL, and comes with it.
    """

    def __init__(self, clock: Clock, *, on_absent: OnAbsent, on_failed: OnFailed) -> None:
        self._clock = clock
        self._on_absent = on_absent
        self._on_failed = on_failed
        self._backoff = Backoff()
        self._has_answered = False
        self._task: asyncio.Task[None] | None = None

    def start(self, session: Callable[[], Awaitable[None]]) -> None:
        """Begin the first one soon; `session` raises what ends it. For one call."""
        self._task = asyncio.get_running_loop().create_task(self._run(session))

    def answered(self) -> None:
        """Take note that a runtime is there: from now on its absence is a failure."""
        self._has_answered = True

    def succeeded(self) -> None:
        """Take note that it is there and does what is asked: the next pause is the shortest."""
        self._has_answered = True
        self._backoff.succeeded()

    async def aclose(self) -> None:
        """End the session, and begin none; returns when nothing of them is left running."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, session: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await session()
            except RuntimeAbsentError as error:
                if self._has_answered:
                    self._on_failed(error, None)
                else:
                    self._on_absent(error)
            except RuntimeCallError as error:
                self._on_failed(error, None)
            except Exception as error:  # noqa: BLE001  whatever is wrong, the next has to begin
                self._on_failed(RuntimeCallError("INTERNAL", "an error of our own"), error)
            await self._clock.sleep(self._backoff.pause_seconds())
