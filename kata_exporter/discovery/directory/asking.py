"""Asking shims for the address of their agent: at once, a few at a time, and again after a failure.

Those that gave no answer in time have places of their own when they are asked again, so that hung
shims, however many, can't keep the others waiting.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kata_exporter.clock import Clock
from kata_exporter.discovery.directory.claims import Shim
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import Announcement, Refusal
from kata_exporter.sockets import AgentUrl
from kata_exporter.telemetry.logs import escape

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 16
SLOW_ASKED_AT_ONCE = 16
"""Those that gave no answer in time when they were last asked, beside the others."""
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 60.0
_MAX_DETAIL_CHARACTERS = 256

Ask = Callable[[str, str], Awaitable[tuple[AgentUrl, Announcement]]]
"""Asks the shim of a directory's sandbox for its agent's address, and checks the answer; raises
`AddressError`."""


@dataclass(frozen=True, slots=True)
class Address:
    """An agent's address, as its shim announced it."""

    url: str
    announcement: Announcement


Answer = Address | Refusal


class Asking:
    """Asks each shim that it is given until that answers, or is gone.

    Args:
        ask: asks once, within a time of its own.
        clock: for the pauses between attempts.
        on_answer: is told how an attempt ended, unless its shim has gone meanwhile.
    """

    def __init__(self, ask: Ask, clock: Clock, on_answer: Callable[[Shim, Answer], object]) -> None:
        self._ask = ask
        self._clock = clock
        self._on_answer = on_answer
        self._usual = asyncio.Semaphore(ASKED_AT_ONCE)
        self._slow = asyncio.Semaphore(SLOW_ASKED_AT_ONCE)
        self._pursued: dict[Shim, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, shim: Shim) -> None:
        """Ask a shim at once, unless it is being asked already."""
        if shim in self._pursued:
            return
        task = asyncio.get_running_loop().create_task(self._pursue(shim))
        self._pursued[shim] = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def end(self, shim: Shim) -> None:
        """Ask a shim no longer."""
        task = self._pursued.pop(shim, None)
        if task is not None:
            task.cancel()

    async def aclose(self) -> None:
        """Ask nobody any longer, and return when nothing is under way."""
        for shim in tuple(self._pursued):
            self.end(shim)
        if self._running:
            await asyncio.wait(self._running)

    async def _pursue(self, shim: Shim) -> None:
        pause = FIRST_PAUSE_SECONDS
        places = self._usual
        while True:
            async with places:
                answer = await self._attempt(shim)
            if self._pursued.get(shim) is not asyncio.current_task():
                return
            if isinstance(answer, Address):
                del self._pursued[shim]
            self._on_answer(shim, answer)
            if isinstance(answer, Address):
                return
            places = self._slow if answer.reason == Reason.TIMEOUT else self._usual
            await self._clock.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    async def _attempt(self, shim: Shim) -> Answer:
        try:
            url, announcement = await self._ask(shim.directory, shim.sandbox_id)
        except AddressError as error:
            return Refusal(error.reason, escape(str(error), _MAX_DETAIL_CHARACTERS))
        except Exception as error:
            # A fault of ours about one shim must not silence the others.
            logger.exception("asking a shim failed")
            return Refusal(Reason.REJECTED, f"internal error: {type(error).__name__}")
        return Address(str(url), announcement)
