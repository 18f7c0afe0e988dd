"""Whether the time of day can be right: timestamps of metrics and spans rest on it."""

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict

ID = "clock"
WATCHED_SECONDS = 0.2
MOST_DRIFT_SECONDS = 0.1
EARLIEST_YEAR = 2024
"""No later than this was written, so what is earlier is a clock that was never set."""

_TIMEX = struct.Struct("@I4li")
"""The beginning of the kernel's ``struct timex``, up to ``status``."""
_TIMEX_BYTES = 512  # more than any kernel's
_STA_UNSYNC = 0x40


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """``drift_seconds`` is how far the time of day went from the clock that only goes forward.

    ``synchronised`` is what the kernel was told by who keeps its time; None where it doesn't say.
    """

    now: datetime
    drift_seconds: float
    synchronised: bool | None


async def probe(node: Node) -> ClockFacts:
    """Watch both clocks for a moment, and ask the kernel (``adjtimex``, which changes nothing)."""
    before = node.clock.time() - node.clock.monotonic()
    await node.clock.sleep(WATCHED_SECONDS)
    drift = node.clock.time() - node.clock.monotonic() - before
    now = datetime.fromtimestamp(node.clock.time(), UTC).replace(microsecond=0)
    return ClockFacts(now, round(drift, 3), _synchronised())


def _synchronised() -> bool | None:
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        failed = ctypes.CDLL(None).adjtimex(timex) < 0
    except AttributeError:
        return None
    status: int = _TIMEX.unpack_from(timex)[-1]
    return None if failed else not status & _STA_UNSYNC


def judge(facts: ClockFacts) -> Sequence[Finding]:
    """A clock that was never set makes every sample too old; one that nobody keeps goes astray."""
    now = facts.now.isoformat()
    if facts.now.year < EARLIEST_YEAR:
        summary = f"it is {now}: the clock was never set"
        advice = ("set it: Prometheus refuses samples of the past",)
        return [Finding(ID, Verdict.PROBLEM, summary, advice, facts=facts)]
    if abs(facts.drift_seconds) > MOST_DRIFT_SECONDS:
        summary = f"{now}; it moved by {facts.drift_seconds} s while it was watched"
        advice = ("have one service alone keep the time, as chrony, and let it slew",)
        return [Finding(ID, Verdict.WARNING, summary, advice, facts=facts)]
    if facts.synchronised is False:
        summary = f"{now}; the kernel says that nobody keeps it right"
        advice = ("run chrony or systemd-timesyncd on the host, and see timedatectl",)
        return [Finding(ID, Verdict.WARNING, summary, advice, facts=facts)]
    kept = "" if facts.synchronised is None else ", kept right"
    return [Finding(ID, Verdict.OK, f"{now}{kept}", facts=facts)]


CHECK = Check(ID, probe, judge)
