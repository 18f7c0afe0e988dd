"""From a guest's text to chunks; the usual text costs no object per sample.

Two paths that give the same:
- fast: the text has the skeleton of the last one. Its values, parted off by one pattern, are
  handed to the rows that the layout was bound to.
- slow: any other text. It is scanned line by line into a layout, by which its values are read.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kata_exporter.guest.falling import FallingCounters
from kata_exporter.guest.family import Chosen, GuestLabel
from kata_exporter.guest.layout import Layout, lay_out
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import DEFAULT_LIMITS, Limits
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.row import Row, make_row
from kata_exporter.guest.scanner import checked, split_values
from kata_exporter.guest.schema import Schema
from kata_exporter.guest.seen_values import SeenValues
from kata_exporter.metrics import Chunk

LOOK_FOR_ROOM_SECONDS = 600.0
"""How often it is looked whether values that came under `OTHER` have room by now."""


@dataclass(frozen=True, slots=True)
class GuestReading:
    """What a guest's text came to.

    Args:
        chunks: one per metric, in the schema's order.
        rejected: how many lines were dropped, by reason.
        samples: how many samples the chunks hold.
        resets: how many counters fell, and were taken as reset.
    """

    chunks: tuple[Chunk, ...]
    rejected: Mapping[RejectReason, int]
    samples: int
    resets: int = 0


@dataclass(frozen=True, slots=True)
class _Binding:
    """The rows that a layout has for one sandbox.

    Args:
        layout: None where no other text has the same.
        rows: in the schema's order.
        series: of all rows.
        rejected: by the layout, and for want of room.
        chosen: values that the guest chose, and for which there is room.
        look_for_room_at: when it is to be made anew.
    """

    layout: Layout | None = None
    rows: tuple[Row, ...] = ()
    series: int = 0
    rejected: Mapping[RejectReason, int] = field(default_factory=dict)
    chosen: frozenset[tuple[GuestLabel, str]] = frozenset()
    look_for_room_at: float = math.inf


class GuestReader:
    """Reads the texts of one sandbox, round by round.

    Args:
        identity: the sandbox's labels as ``key="value",...``, which stand before all others.
        schema: what its agent may say.
        limits: how much of a text is read.
        layouts: shared with other sandboxes' readers.
    """

    def __init__(
        self,
        identity: str,
        schema: Schema,
        *,
        limits: Limits = DEFAULT_LIMITS,
        layouts: LayoutCache,
    ) -> None:
        self._identity = identity
        self._schema = schema
        self._limits = limits
        self._layouts = layouts
        self._falling = FallingCounters(limits.series)
        self._seen: dict[GuestLabel, SeenValues[str]] = {}
        self._layout: Layout | None = None
        self._shared = False
        self._bound = _Binding()
        self._read_at = 0.0

    def read(self, text: str, now: float) -> GuestReading:
        """Read one text, which came `now` (monotonic seconds).

        Raises:
            GuestTextError: the text is refused whole.
        """
        skeleton, values = split_values(checked(text, self._limits))
        layout = self._layout
        if layout is None or layout.skeleton != skeleton:
            layout, values = self._find_layout(skeleton, values)
        elif not self._shared:
            layout = self._share(layout)
        self._falling.begin(now)
        if self._bound.layout is not layout or now >= self._bound.look_for_room_at:
            self._bind(layout, now)
        self._read_at = now
        return self._reading(values)

    def _reading(self, values: list[str]) -> GuestReading:
        falling, bound = self._falling, self._bound
        chunks: list[Chunk] = []
        for shape, pick, convert, counters in bound.rows:
            own = convert(pick(values))
            chunk = shape.chunk(own) if counters is None else falling.chunk(shape, counters, own)
            if chunk is not None:
                chunks.append(chunk)
        rejected = bound.rejected
        if falling.left_out:
            rejected = {**rejected, RejectReason.TOO_MANY_RESETS: falling.left_out}
        samples = bound.series - falling.left_out
        return GuestReading(tuple(chunks), rejected, samples, falling.resets)

    def _find_layout(
        self, skeleton: tuple[str, ...], values: list[str]
    ) -> tuple[Layout, list[str]]:
        """Return the layout of a text, and the values that it is for."""
        layout = self._layouts.find(self._schema, self._limits, skeleton)
        shared = layout is not None
        if layout is None:
            layout, values = lay_out(skeleton, values, self._schema, self._limits)
        if layout.reusable:
            self._layout, self._shared = layout, shared
        return layout, values

    def _share(self, layout: Layout) -> Layout:
        """Let others have a layout that has served a second time; or take theirs, if it is there."""
        shared = self._layouts.share(layout)
        if self._bound.layout is layout:
            self._bound = replace(self._bound, layout=shared)
        self._layout, self._shared = shared, True
        return shared

    def _bind(self, layout: Layout, now: float) -> None:
        """Make the rows of a layout."""
        self._leave_bound()
        rejected = Counter(layout.rejected)
        rows = []
        admitted: set[tuple[GuestLabel, str]] = set()
        for group in layout.groups:
            room = [self._has_room(chosen, now) for chosen in group.chosen]
            rows.append(make_row(group, room, self._identity, self._falling))
            rejected[RejectReason.LABEL_OVERFLOW] += room.count(False)
            for chosen, has_room in zip(group.chosen, room, strict=True):
                if has_room:
                    admitted.update(chosen)
        self._falling.forget()
        self._bound = _Binding(
            layout if layout.reusable else None,
            tuple(rows),
            sum(len(row.shape.prefixes) for row in rows),
            +rejected,
            frozenset(admitted),
            now + LOOK_FOR_ROOM_SECONDS if rejected[RejectReason.LABEL_OVERFLOW] else math.inf,
        )

    def _leave_bound(self) -> None:
        """Remember what the rows were that others are to take the place of."""
        for label, value in self._bound.chosen:
            self._seen[label].see((value,), self._read_at)
        counters = (row.counters for row in self._bound.rows)
        self._falling.replace([row for row in counters if row is not None])

    def _has_room(self, chosen: Chosen, now: float) -> bool:
        return all(self._seen_values(label).admits(value, now) for label, value in chosen)

    def _seen_values(self, label: GuestLabel) -> SeenValues[str]:
        return self._seen.setdefault(label, SeenValues(label.most))
