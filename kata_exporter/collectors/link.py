"""The link to one generation of a sandbox: its connection, its back-off, what its agent can do."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kata_exporter.agent.errors import AgentError, remembered
from kata_exporter.agent.observer import Observer
from kata_exporter.clock import Clock
from kata_exporter.errors import Reason

T = TypeVar("T")

MAX_BACKOFF_SECONDS = 60.0
"""A silent sandbox is asked at least this often (or every interval, if that is longer)."""

ASK_AGAIN_SECONDS = 600.0
"""A call that policy denies, or that the agent doesn't have, is tried again this often: each denied
call costs a line in the guest's log."""

_STATES = frozenset({Reason.POLICY_BLOCKED, Reason.UNSUPPORTED})


class AgentLink:
    """Asks through one observer at a time, and says when not to ask.

    Args:
        connect: makes an observer with a connection of its own; raises what is wrong with the URL.
        clock: for back-off.
        interval_seconds: of collection; the first step of the back-off.
    """

    def __init__(
        self, connect: Callable[[], Observer], *, clock: Clock, interval_seconds: float
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._observer: Observer | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._refused: dict[str, tuple[AgentError, float]] = {}

    def configure(self, *, interval_seconds: float) -> None:
        """Collect at another interval; a pause is no longer than the longest of that interval."""
        self._interval_seconds = interval_seconds
        longest = max(MAX_BACKOFF_SECONDS, interval_seconds)
        self._retry_at = min(self._retry_at, self._clock.monotonic() + longest)

    @property
    def attempt(self) -> int:
        """How many rounds the next one makes without an answer, if it gets none."""
        return self._failures + 1

    @property
    def backing_off(self) -> bool:
        """Whether the agent is to be left alone for now."""
        return self._clock.monotonic() < self._retry_at

    async def begin(self) -> None:
        """Have an observer for the round that begins: a new one where the last is dead.

        Nothing connects before the first call. Within a round a dead observer stays, so that a
        guest that breaks its connection costs one connection a round.

        Raises:
            AddressError: the sandbox has no address that can be used.
        """
        if self._observer is not None and not self._observer.alive:
            await self.aclose()
        if self._observer is None:
            self._observer = self._connect()

    async def end(self) -> None:
        """End a round: an attempt to connect that has outlasted it is closed.

        So a VMM that says nothing holds one attempt at most, and none between rounds.
        """
        if self._observer is not None and self._observer.connecting:
            await self.aclose()

    async def ask(self, what: str, call: Callable[[Observer], Awaitable[T]]) -> T:
        """Make a call, unless the agent is known to refuse this kind.

        Raises:
            AgentError: the call's own, or (``remembered``) the one that it got when it was last tried.
            RuntimeError: no round has begun.
        """
        refusal = self._refusal(what)
        if refusal is not None:
            raise refusal.with_traceback(None)
        try:
            answer = await self.ask_always(call)
        except AgentError as error:
            if error.reason in _STATES:
                until = self._clock.monotonic() + ASK_AGAIN_SECONDS
                self._refused[what] = (remembered(error), until)
            raise
        self._refused.pop(what, None)
        return answer

    async def ask_always(self, call: Callable[[Observer], Awaitable[T]]) -> T:
        """Make a call whatever the agent said before.

        Raises:
            AgentError: the call's own.
            RuntimeError: no round has begun.
        """
        if self._observer is None:
            raise RuntimeError("a call before the round began")
        return await call(self._observer)

    def succeeded(self) -> None:
        """Take note of a round with an answer."""
        self._failures = 0
        self._retry_at = 0.0

    def failed(self) -> None:
        """Take note of a round without one: the pause doubles from the second on.

        The first failure is followed by the next round at its usual time.
        """
        self._failures += 1
        pause = self._interval_seconds * 2 ** min(self._failures - 1, 16)
        pause = min(pause, max(MAX_BACKOFF_SECONDS, self._interval_seconds))
        # A little less than whole intervals, so that the round at that time isn't passed over.
        self._retry_at = self._clock.monotonic() + pause - self._interval_seconds / 2

    async def aclose(self) -> None:
        """Close the connection; the next round makes a new one."""
        observer, self._observer = self._observer, None
        if observer is not None:
            await observer.aclose()

    def _refusal(self, what: str) -> AgentError | None:
        error, until = self._refused.get(what, (None, 0.0))
        return error if self._clock.monotonic() < until else None
