"""Time in a guest that can be frozen: timers that come due meanwhile run when it goes on."""

from collections.abc import Callable

from kata_exporter.clock import Clock, TimerHandle


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback
        self.outer: TimerHandle | None = None

    def cancel(self) -> None:
        self.callback = None
        if self.outer is not None:
            self.outer.cancel()

    def run(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class GuestClock:
    """A clock whose timers wait while it is frozen.

    Args:
        clock: whose time it tells.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frozen = False
        self._due: list[_Timer] = []

    @property
    def frozen(self) -> bool:
        """Whether timers wait; setting it to false runs those that came due."""
        return self._frozen

    @frozen.setter
    def frozen(self, frozen: bool) -> None:
        self._frozen = frozen
        if not frozen:
            due, self._due = self._due, []
            for timer in due:
                timer.run()

    def monotonic(self) -> float:
        """Return the clock's time."""
        return self._clock.monotonic()

    def call_at(self, when: float, callback: Callable[[], object]) -> TimerHandle:
        """Call `callback` at `when`, or when the guest goes on."""
        timer = _Timer(callback)
        timer.outer = self._clock.call_at(when, lambda: self._come_due(timer))
        return timer

    def _come_due(self, timer: _Timer) -> None:
        if self._frozen:
            self._due.append(timer)
        else:
            timer.run()
