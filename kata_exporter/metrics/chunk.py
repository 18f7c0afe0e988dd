"""Rendered samples of one metric of one sandbox.

A `Shape` is what stays the same from one collection to the next: the record and what stands before
each value. A `Chunk` is a shape with values, rendered once; a page is a join of chunks, so a
scrape touches no sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from kata_exporter.metrics.record import Metric


@dataclass(frozen=True, slots=True)
class Shape:
    """A metric and the prefixes (``name{labels} ``) of its samples, in the order of the values."""

    metric: Metric
    prefixes: tuple[str, ...]

    def chunk(self, values: Sequence[str]) -> "Chunk":
        """Render a chunk; `values` are numbers as text, one per prefix.

        Raises:
            ValueError: there are more or fewer values than prefixes.
        """
        if len(values) != len(self.prefixes):
            raise ValueError(
                f"{self.metric.name}: {len(values)} values, {len(self.prefixes)} prefixes"
            )
        lines = "".join(chain.from_iterable(zip(self.prefixes, values, repeat("\n"), strict=False)))
        return Chunk(self, tuple(values), lines.encode())


@dataclass(frozen=True, slots=True)
class Chunk:
    """A shape, its values as text, and its sample lines, each ended by a line feed."""

    shape: Shape
    values: tuple[str, ...]
    lines: bytes

    @property
    def metric(self) -> Metric:
        """The record that the samples belong to."""
        return self.shape.metric
