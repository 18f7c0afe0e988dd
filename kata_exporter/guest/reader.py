"""From a guest's text to chunks; the usual text costs no object per sample.

Two paths that give the same:
- fast: the text has the skeleton of the last one. Its values, parted off by one pattern, are
  handed to the shapes that the layout was bound to.
- slow: any other text. It is scanned line by line into a layout, by which its values are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kata_exporter.guest.layout import Layout, Pick, lay_out
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import DEFAULT_LIMITS, Limits
from kata_exporter.guest.numbers import Conversion
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.scanner import checked, split_values
from kata_exporter.guest.schema import Schema
from kata_exporter.metrics import Chunk, Metric, Shape, sample_prefix


@dataclass(frozen=True, slots=True)
class GuestReading:
    """What a guest's text came to.

    Args:
        chunks: one per metric, in the schema's order.
        rejected: how many lines were dropped, by reason.
        samples: how many samples the chunks hold.
    """

    chunks: tuple[Chunk, ...]
    rejected: Mapping[RejectReason, int]
    samples: int


@dataclass(frozen=True, slots=True)
class _Binding:
    """A layout with the shapes that one sandbox's identity gives it."""

    layout: Layout
    rows: tuple[tuple[Shape, Pick, Conversion], ...]
    shared: bool = False

    def reading(self, values: list[str]) -> GuestReading:
        chunks = [shape.chunk(convert(pick(values))) for shape, pick, convert in self.rows]
        return GuestReading(tuple(chunks), self.layout.rejected, self.layout.samples)


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
        self._last: _Binding | None = None

    def read(self, text: str) -> GuestReading:
        """Read one text.

        Raises:
            GuestTextError: the text is refused whole.
        """
        skeleton, values = split_values(checked(text, self._limits))
        last = self._last
        if last is not None and last.layout.skeleton == skeleton:
            if not last.shared:
                layout = self._layouts.share(last.layout)
                self._last = last = _Binding(layout, last.rows, shared=True)
            return last.reading(values)
        return self._read_other(skeleton, values)

    def _read_other(self, skeleton: tuple[str, ...], values: list[str]) -> GuestReading:
        layout = self._layouts.find(self._schema, self._limits, skeleton)
        known = layout is not None
        if layout is None:
            layout, values = lay_out(skeleton, values, self._schema, self._limits)
        binding = _Binding(layout, self._rows(layout), shared=known)
        if layout.reusable:
            self._last = binding
        return binding.reading(values)

    def _rows(self, layout: Layout) -> tuple[tuple[Shape, Pick, Conversion], ...]:
        return tuple(
            (self._shape(group.metric, group.pairs), group.pick, group.convert)
            for group in layout.groups
        )

    def _shape(self, metric: Metric, pairs: tuple[str, ...]) -> Shape:
        name = metric.name
        return Shape(metric, tuple(sample_prefix(name, self._identity, own) for own in pairs))
