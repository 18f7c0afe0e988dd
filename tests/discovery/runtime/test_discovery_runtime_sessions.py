"""One session with a runtime after another, and what is told of how they end."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fake_clock import FakeClock, settle
from kata_exporter.discovery.runtime import Sessions
from kata_exporter.errors import RuntimeAbsentError, RuntimeCallError

ABSENT = RuntimeAbsentError(["/run/c.sock"])
BROKEN = RuntimeCallError("UNAVAILABLE", "it went away")
OURS = ValueError("a mistake of our own")


class Stage:
    """Sessions that end as a script says, and what was told of each end."""

    def __init__(self, clock: FakeClock) -> None:
        self.ends: Iterator[Exception] = iter(())
        self.began_at: list[float] = []
        self.told: list[tuple[str, str, Exception | None]] = []
        self._clock = clock
        self.sessions = Sessions(
            clock,
            on_absent=lambda error: self.told.append(("absent", error.code, None)),
            on_failed=lambda error, cause: self.told.append(("failed", error.code, cause)),
        )

    async def run(self, *ends: Exception, seconds: float) -> None:
        """Have sessions end so, one after the other, in a time that is just enough for them."""
        self.ends = iter(ends)
        self.sessions.start(self._session)
        await settle()
        await self._clock.run_for(seconds, step=0.5)

    async def _session(self) -> None:
        self.began_at.append(self._clock.monotonic())
        raise next(self.ends)


@asynccontextmanager
async def stage_with(clock: FakeClock) -> AsyncIterator[Stage]:
    """Yield a stage whose sessions have ended when the block ends."""
    stage = Stage(clock)
    try:
        yield stage
    finally:
        await stage.sessions.aclose()


async def test_each_begins_a_pause_after_the_last_has_failed(clock: FakeClock) -> None:
    async with stage_with(clock) as stage:
        await stage.run(*[BROKEN] * 5, seconds=1 + 2 + 4 + 5)
        assert [at - stage.began_at[0] for at in stage.began_at] == [0, 1, 3, 7, 12]
        assert stage.told == [("failed", "UNAVAILABLE", None)] * 5


async def test_an_error_of_our_own_ends_a_session_and_no_more(clock: FakeClock) -> None:
    async with stage_with(clock) as stage:
        await stage.run(OURS, BROKEN, seconds=1)
        assert stage.told == [("failed", "INTERNAL", OURS), ("failed", "UNAVAILABLE", None)]


async def test_none_there_is_no_failure_until_one_has_answered(clock: FakeClock) -> None:
    async with stage_with(clock) as stage:
        await stage.run(*[ABSENT] * 3, seconds=1)
        stage.sessions.answered()
        await clock.run_for(2, step=0.5)
        absent, failed = ("absent", "UNAVAILABLE", None), ("failed", "UNAVAILABLE", None)
        assert stage.told == [absent, absent, failed]


async def test_a_success_makes_the_next_pause_the_shortest(clock: FakeClock) -> None:
    async with stage_with(clock) as stage:
        await stage.run(*[BROKEN] * 4, seconds=1)
        stage.sessions.succeeded()
        await clock.run_for(2 + 1, step=0.5)
        assert [at - stage.began_at[0] for at in stage.began_at] == [0, 1, 3, 4]


async def test_none_begins_once_they_are_closed(clock: FakeClock) -> None:
    async with stage_with(clock) as stage:
        await stage.run(BROKEN, seconds=0.5)
        await stage.sessions.aclose()
        await clock.run_for(10)
        assert len(stage.began_at) == 1
        assert clock.pending == 0
