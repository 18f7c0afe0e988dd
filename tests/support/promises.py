"""What the exporter promises whatever a sandbox does, and the harness that holds it to that.

P1  the process goes on
P2  a scrape gets a valid page, in time
P3  healthy sandboxes are all there, and fresh
P4  the affected ones are told, with a reason of a closed set
P5  descriptors, tasks and memory are what they were, within 30 s of the fault's end
P6  one line of log a minute for each sandbox and reason, without control characters
P7  the affected ones are back by themselves, within two intervals or the longest back-off

Time is the fake clock's, so that minutes cost nothing; what a scrape may take is real time.
"""

import asyncio
import ctypes
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.metered import Meter, MeteredDialer
from fake_clock import FakeClock
from kata_exporter.agent import OBSERVED_METHODS
from kata_exporter.collectors.link import MAX_BACKOFF_SECONDS
from kata_exporter.errors import Reason
from kata_exporter.simulator import SimulatedSandbox
from kata_exporter.simulator.faults import Fault
from kata_exporter.telemetry.logs import LineFormatter, _logfmt
from promtool import check_metrics, findings
from rig import Rig, quiet, running, samples, states, up

INTERVAL_SECONDS = 15.0
"""The default."""
ROUND_SECONDS = 5.0
"""The default deadline of a round."""
SCRAPE_BUDGET_SECONDS = 9.0
P5_SECONDS = 30.0
P5_DESCRIPTORS = 2
P5_BYTES = 5 << 20
P7_SECONDS = max(2 * INTERVAL_SECONDS, MAX_BACKOFF_SECONDS)

_STEP_SECONDS = 0.25
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    descriptors: int
    tasks: int
    resident_bytes: int

    @classmethod
    def now(cls) -> "Footprint":
        gc.collect()
        # What the allocator keeps for the next time is nobody's.
        _LIBC.malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            tasks=len(asyncio.all_tasks()),
            resident_bytes=pages * os.sysconf("SC_PAGESIZE"),
        )


class LogLines(logging.Handler):
    """Every line of the log as it would be written, with the clock's time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.setFormatter(LineFormatter(_logfmt, tracebacks=False))
        self.lines: list[tuple[float, object, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        about = getattr(record, "fields", {})
        key = (about.get("sandbox_id"), about.get("reason")) if "sandbox_id" in about else None
        self.lines.append((self._clock.monotonic(), key, self.format(record)))


class Stand:
    """A healthy fleet, an exporter that has asked it, and the clock of both.

    ``meter`` has what the exporter has read from each agent.
    """

    def __init__(self, rig: Rig, clock: FakeClock, log: LogLines, meter: Meter) -> None:
        self.rig = rig
        self.clock = clock
        self.log = log
        self.meter = meter

    @property
    def sandboxes(self) -> Sequence[SimulatedSandbox]:
        return self.rig.fleet.sandboxes

    async def run_for(self, seconds: float) -> None:
        """Let time pass, and everything happen that has to happen in it."""
        until = self.clock.monotonic() + seconds
        await quiet()
        while (left := until - self.clock.monotonic()) > 0:
            self.clock.advance(min(_STEP_SECONDS, left))
            await quiet()


@asynccontextmanager
async def healthy_stand(
    directory: Path,
    clock: FakeClock,
    *,
    sandboxes: int = 10,
    environ: dict[str, str] | None = None,
    concurrency: int | None = None,
) -> AsyncIterator[Stand]:
    """Run a fleet and an exporter on it, until every sandbox was asked twice."""
    meter = Meter()
    with _logged(clock) as log:
        async with running(
            directory,
            sandboxes=sandboxes,
            interval_seconds=INTERVAL_SECONDS,
            clock=clock,
            environ=environ,
            concurrency=concurrency,
            dialer=MeteredDialer(meter),
        ) as rig:
            stand = Stand(rig, clock, log, meter)
            await stand.run_for(2 * INTERVAL_SECONDS)
            assert set(rig.states().values()) == {Reason.OK}
            yield stand


@contextmanager
def _logged(clock: FakeClock) -> Iterator[LogLines]:
    handler = LogLines(clock)
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


@asynccontextmanager
async def fault(what: str | Fault, sandboxes: Sequence[SimulatedSandbox]) -> AsyncIterator[None]:
    """Have sandboxes suffer from a fault, by its name in the simulator's catalog or as it is."""
    for sandbox in sandboxes:
        await sandbox.suffer(what)
    try:
        yield
    finally:
        for sandbox in sandboxes:
            await sandbox.suffer(None)


async def assert_promises(
    stand: Stand,
    name: str,
    struck: Sequence[SimulatedSandbox],
    reasons: set[Reason],
    *,
    meanwhile: Callable[[str], None] | None = None,
    lasts_seconds: float = 4 * INTERVAL_SECONDS,
) -> None:
    """Strike sandboxes with a fault, end it, and hold the exporter to P1 to P7.

    Args:
        stand: healthy.
        name: the fault's.
        struck: who suffers from it.
        reasons: what each of them may be told to be in; `Reason.OK` for a fault that does no harm.
        meanwhile: is given the page of each interval while the fault lasts.
        lasts_seconds: how long it does.
    """
    before = Footprint.now()
    async with fault(name, struck):
        await stand.run_for(INTERVAL_SECONDS + ROUND_SECONDS)
        for _ in range(round(lasts_seconds / INTERVAL_SECONDS)):
            page = await _assert_goes_on(stand)
            _assert_healthy_are_fresh(stand, page, struck)
            _assert_struck_are_told(page, struck, reasons)
            if meanwhile is not None:
                meanwhile(page)
            await stand.run_for(INTERVAL_SECONDS)
    await stand.run_for(P5_SECONDS)
    _assert_nothing_is_held(before, Footprint.now())
    await stand.run_for(P7_SECONDS - P5_SECONDS)
    page = await _assert_goes_on(stand)
    _assert_back(page)
    # By now every sandbox has its connection again, behind which a leak could have hidden.
    await quiet()
    _assert_nothing_is_held(before, Footprint.now(), spare_descriptors=0)
    _assert_log_is_quiet(stand.log)
    _assert_only_observed(stand)
    # Last, since it takes memory.
    assert not check_metrics(page.encode()), "P2"


async def _assert_goes_on(stand: Stand) -> str:
    """P1 and P2; returns the page."""
    status, _ = await stand.rig.get("/-/healthy")
    assert status == 200, "P1"
    started = time.monotonic()
    page = await stand.rig.scrape()
    assert time.monotonic() - started < SCRAPE_BUDGET_SECONDS, "P2"
    found = findings(page.encode())
    assert not found, f"P2: {found}"
    return page


def _assert_healthy_are_fresh(stand: Stand, page: str, struck: Sequence[SimulatedSandbox]) -> None:
    told = up(page)
    assert set(told) == {sandbox.id for sandbox in stand.sandboxes}, "P3"
    stamps = samples(page, "kata_sandbox_last_collection_timestamp_seconds")
    oldest = stand.clock.time() - INTERVAL_SECONDS - ROUND_SECONDS
    for sandbox in set(stand.sandboxes) - set(struck):
        assert told[sandbox.id] == "1", f"P3: {sandbox.id}"
        own = [line for line in stamps if f'"{sandbox.id}"' in line]
        assert own, f"P3: {sandbox.id}"
        assert all(float(line.rpartition(" ")[2]) >= oldest for line in own), f"P3: {own}"


def _assert_struck_are_told(
    page: str, struck: Sequence[SimulatedSandbox], reasons: set[Reason]
) -> None:
    told, told_up = states(page), up(page)
    for sandbox in struck:
        reason = Reason(told[sandbox.id])
        assert reason in reasons, f"P4: {sandbox.id} is {reason}"
        # Where one collector got something, the sandbox is up, and the reason is another's.
        succeeded = any(
            f'"{sandbox.id}"' in line and line.endswith(" 1")
            for line in samples(page, "kata_sandbox_collector_success")
        )
        is_up = reason.answered or succeeded
        assert told_up[sandbox.id] == str(int(is_up)), f"P4: {sandbox.id} is {reason}"


def _assert_back(page: str) -> None:
    away = {id_: reason for id_, reason in states(page).items() if reason != Reason.OK}
    assert not away, f"P7: {away}"
    assert set(up(page).values()) == {"1"}, "P7"


def _assert_nothing_is_held(
    before: Footprint, after: Footprint, *, spare_descriptors: int = P5_DESCRIPTORS
) -> None:
    held = f"P5: {before} became {after}"
    assert after.descriptors <= before.descriptors + spare_descriptors, held
    assert after.tasks <= before.tasks, held
    assert after.resident_bytes <= before.resident_bytes + P5_BYTES, held


def _assert_log_is_quiet(log: LogLines) -> None:
    last: dict[object, float] = {}
    for at, key, line in log.lines:
        assert line.isprintable(), f"P6: {line!r}"
        assert "level=ERROR" not in line, f"P6: {line}"
        if key is not None:
            assert at - last.get(key, -60.0) >= 60.0, f"P6: {line}"
            last[key] = at


def _assert_only_observed(stand: Stand) -> None:
    """No call was ever on the wire that isn't on the observer's list, GetOOMEvent least of all."""
    methods = {f"{request.service}/{request.method}" for request in stand.rig.wire}
    assert methods <= OBSERVED_METHODS, f"on the wire: {sorted(methods - OBSERVED_METHODS)}"
