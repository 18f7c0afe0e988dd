"""Layouts that sandboxes share: guests of one image and shape have the same text but for values."""

from collections import OrderedDict

from kata_exporter.guest.layout import Layout
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.schema import Schema


class LayoutCache:
    """The layouts used last, bounded by number and by memory.

    A reader holds on to the layout of its own sandbox, and shares one only after that has served
    it a second time. So texts that change all the time never get in here, and whatever gets in
    can't slow down a reader that has found its layout.

    Args:
        max_layouts: how many it holds at most.
        max_bytes: how much memory they may take, by `Layout.size`.
    """

    def __init__(self, *, max_layouts: int = 64, max_bytes: int = 8 << 20) -> None:
        self._max_layouts = max_layouts
        self._max_bytes = max_bytes
        self._layouts: OrderedDict[tuple[Schema, Limits, tuple[str, ...]], Layout] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._layouts)

    @property
    def bytes(self) -> int:
        """Memory that its layouts take, by `Layout.size`."""
        return self._bytes

    def find(self, schema: Schema, limits: Limits, skeleton: tuple[str, ...]) -> Layout | None:
        """Return the layout of a skeleton, if it is here."""
        key = (schema, limits, skeleton)
        layout = self._layouts.get(key)
        if layout is not None:
            self._layouts.move_to_end(key)
        return layout

    def share(self, layout: Layout) -> Layout:
        """Put a layout in, and return it; or the equal one that is in already."""
        known = self.find(*layout.key)
        if known is not None:
            return known
        self._layouts[layout.key] = layout
        self._bytes += layout.size
        while len(self._layouts) > self._max_layouts or self._bytes > self._max_bytes:
            _, oldest = self._layouts.popitem(last=False)
            self._bytes -= oldest.size
        return layout
