"""What becomes of counters that fall.

A counter falls where what it counts was replaced: a disk was taken out and another one put in. That
is a reset, which Prometheus knows how to read, and so it is published. A few of the kernel's counters
waver: idle and iowait times may be a little less than they were, which is no reset; the last value
is held then, as node_exporter does. And a guest may lie. So resets are capped, and beyond the cap a
value that is too small is left out.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from operator import lt

from kata_exporter.metrics import Chunk, Metric, Shape

WAVER_SECONDS = 3.0
"""A counter that wavers, and fell by less, is held; by more, it was reset (node_exporter's figure)."""
MAX_RESETS = 256
RESET_WINDOW_SECONDS = 600.0
"""How many series of one guest, or of one container, may be reset in how long a time."""

_NEVER_SEEN = "0"
"""What no counter falls below."""


class Counters:
    """The series of one counter, as they were last published.

    Args:
        metric: whose they are.
        keys: tell its series apart.
        wavers: of each series whether it wavers; none does where this is empty.
        last: the values of the series.
    """

    __slots__ = ("keys", "last", "metric", "wavers")

    def __init__(
        self, metric: Metric, keys: Sequence[Hashable], wavers: Sequence[bool], last: Sequence[str]
    ) -> None:
        self.metric = metric
        self.keys = keys
        self.wavers = wavers
        self.last = last

    def have_fallen(self, values: Sequence[str]) -> bool:
        """Whether any of them is less than it was."""
        # Equal floats of integers beyond 2**53 are no fall: Prometheus can't tell them apart either.
        if len(values) == 1:
            return float(values[0]) < float(self.last[0])
        return any(map(lt, map(float, values), map(float, self.last)))


class FallingCounters:
    """Judges the counters of one guest, or of one container, reading by reading.

    ``resets`` and ``left_out`` say how many series of the reading that began last were taken as
    reset, and how many were left out.

    Args:
        max_gone: how many series that are gone are remembered for as long as the window lasts, so
            that going and coming back is no way around the cap.
    """

    def __init__(self, max_gone: int) -> None:
        self._max_gone = max_gone
        self._now = 0.0
        self._reset_at: deque[float] = deque()
        self._gone: dict[tuple[Metric, Hashable], tuple[str, float]] = {}
        self.resets = 0
        self.left_out = 0

    def begin(self, now: float) -> None:
        """Begin a reading that came `now`, in monotonic seconds."""
        self._now = now
        self.resets = 0
        self.left_out = 0

    def replace(self, rows: Iterable[Counters]) -> None:
        """Remember rows that others take the place of."""
        for row in rows:
            for key, value in zip(row.keys, row.last, strict=True):
                self._gone.pop((row.metric, key), None)
                self._gone[row.metric, key] = (value, self._now)

    def row(
        self, metric: Metric, keys: Sequence[Hashable], wavers: Sequence[bool] = ()
    ) -> Counters:
        """Make a row, with what is known of its series."""
        nothing = (_NEVER_SEEN, 0.0)
        last = [self._gone.pop((metric, key), nothing)[0] for key in keys]
        return Counters(metric, keys, wavers, last)

    def forget(self) -> None:
        """Forget series that went long ago, and the oldest of too many."""
        excess = len(self._gone) - self._max_gone
        for number, (key, (_, gone_at)) in enumerate(list(self._gone.items())):
            if number >= excess and self._now - gone_at < RESET_WINDOW_SECONDS:
                return
            del self._gone[key]

    def chunk(self, shape: Shape, row: Counters, values: Sequence[str]) -> Chunk | None:
        """Return what is published of a row; None where all of it is left out.

        Args:
            shape: with a prefix for each of the values.
            row: of the same series.
            values: plain or canonical numbers.
        """
        if not row.have_fallen(values):
            row.last = values
            return shape.chunk(values)
        settled = self._settle(row, values)
        kept = [value for value in settled if value is not None]
        if len(kept) == len(settled):
            return shape.chunk(kept)
        self.left_out += len(settled) - len(kept)
        if not kept:
            return None
        named = zip(shape.prefixes, settled, strict=True)
        prefixes = tuple(prefix for prefix, value in named if value is not None)
        return Shape(shape.metric, prefixes).chunk(kept)

    def _settle(self, row: Counters, values: Sequence[str]) -> Sequence[str | None]:
        """Return what is published of values, some of which have fallen; None is left out."""
        settled: list[str | None] = []
        for number, (value, last) in enumerate(zip(values, row.last, strict=True)):
            fall = float(last) - float(value)
            if fall <= 0:
                settled.append(value)
            elif row.wavers and row.wavers[number] and fall < WAVER_SECONDS:
                settled.append(last)
            elif self._may_reset():
                self.resets += 1
                settled.append(value)
            else:
                settled.append(None)
        row.last = [value or last for value, last in zip(settled, row.last, strict=True)]
        return settled

    def _may_reset(self) -> bool:
        while self._reset_at and self._now - self._reset_at[0] >= RESET_WINDOW_SECONDS:
            self._reset_at.popleft()
        if len(self._reset_at) >= MAX_RESETS:
            return False
        self._reset_at.append(self._now)
        return True
