"""A process of a simulated container."""

import asyncio
from collections.abc import Callable
from signal import Signals

from kata_exporter.clock import TimerHandle
from kata_exporter.simulator.agent.guest_clock import GuestClock
from kata_exporter.simulator.agent.pipe import Pipe
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.simulator.agent.programs import Ready, Run, run
from kata_exporter.simulator.exit_codes import SIGNALLED

_MOST_SIGNAL = 64
_STOPPING = frozenset({Signals.SIGSTOP, Signals.SIGTSTP, Signals.SIGTTIN, Signals.SIGTTOU})
_IGNORED = frozenset({0, Signals.SIGCHLD, Signals.SIGURG, Signals.SIGWINCH})
"""Those that by default do nothing; 0 is none."""


class ProcessLost(Exception):
    """A process went with its container, and nobody knows what it would have exited with."""


class SimulatedProcess:
    """One process, which handles no signal itself.

    It keeps no task: it goes on when it is started, read, written to, signalled or thawed, and when
    its alarm goes off. All output can be read after its end.

    Args:
        spec: what it is to be.
        pid: its number in the guest.
        clock: for its alarms.
        on_exit: is told of its end.
        is_init: whether it is its container's first, to which signals it doesn't handle do nothing.
    """

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        pid: int,
        clock: GuestClock,
        on_exit: Callable[[int], object],
        is_init: bool = False,
    ) -> None:
        self.spec = spec
        self.pid = pid
        self.is_init = is_init
        self.window = (0, 0)
        self._pipes: dict[str, Pipe] = {}
        """Made when somebody first asks: of most processes nobody ever does."""
        self._clock = clock
        self._on_exit = on_exit
        self._run: Run | None = None
        self._ready: Ready = _at_once
        self._frozen = False
        self._stopped = False
        self._pending: list[int] = []
        self._timer: TimerHandle | None = None
        self._rang = False
        self._exit_code: int | None = None
        self._ended = asyncio.Event()

    @property
    def stdin(self) -> Pipe:
        """Its input."""
        return self._pipe("stdin")

    @property
    def stdout(self) -> Pipe:
        """Its output."""
        return self._pipe("stdout")

    @property
    def stderr(self) -> Pipe:
        """Where it complains; with a terminal the same as its output."""
        return self._pipe("stdout" if self.spec.terminal else "stderr")

    @property
    def started(self) -> bool:
        """Whether its program was started."""
        return self._run is not None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._ended.is_set()

    async def wait(self) -> int:
        """Wait for its end, and return what it exited with.

        Raises:
            ProcessLost: its container was removed before it had exited.
        """
        await self._ended.wait()
        if self._exit_code is None:
            raise ProcessLost
        return self._exit_code

    def start(self) -> None:
        """Run its program."""
        self._run = run(self)
        self._go_on()

    def close_stdin(self) -> None:
        """Let its input end with what is there."""
        self.stdin.close()
        self._go_on()

    def signal(self, number: int) -> None:
        """Send it a signal; all but the few that are ignored by default end it or stop it.

        Raises:
            ValueError: there is no such signal.
        """
        if number > _MOST_SIGNAL:
            raise ValueError(f"there is no signal {number}")
        if number == Signals.SIGKILL:
            self.exit(SIGNALLED + number)
        elif self._frozen:
            self._pending.append(number)
        elif number == Signals.SIGCONT:
            self._stopped = False
            self._go_on()
        elif number == Signals.SIGSTOP or (number in _STOPPING and not self.is_init):
            self._stopped = True
        elif number not in _IGNORED and not self.is_init:
            self.exit(SIGNALLED + number)

    def freeze(self) -> None:
        """Let it do nothing more, with its cgroup; of signals, SIGKILL alone gets through."""
        self._frozen = True

    def thaw(self) -> None:
        """Let it go on, and get the signals that came meanwhile."""
        self._frozen = False
        pending, self._pending = self._pending, []
        for number in pending:
            self.signal(number)
        self._go_on()

    def alarm(self, seconds: float) -> Ready:
        """Return what becomes true in `seconds`."""
        self._rang = False
        self._timer = self._clock.call_at(self._clock.monotonic() + seconds, self._ring)
        return lambda: self._rang

    def exit(self, code: int) -> None:
        """End it, unless it has ended."""
        if not self.ended:
            self._exit_code = code
            self._end()
            self._on_exit(code)

    def lose(self) -> None:
        """End it with its container, unless it has ended: its exit code gets lost."""
        if not self.ended:
            self._end()

    def _end(self) -> None:
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()
        for pipe in self._pipes.values():
            pipe.close()

    def _pipe(self, name: str) -> Pipe:
        pipe = self._pipes.get(name)
        if pipe is None:
            pipe = self._pipes[name] = Pipe(self._go_on)
            if self.ended:
                pipe.close()
        return pipe

    def _ring(self) -> None:
        self._rang = True
        self._go_on()

    def _go_on(self) -> None:
        if self._run is None:
            return
        while not (self.ended or self._frozen or self._stopped) and self._ready():
            try:
                self._ready = next(self._run)
            except StopIteration as end:
                self.exit(end.value)


def _at_once() -> bool:
    return True
