"""Families over sandboxes: a page has the lines of one metric together, under one header."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from kata_exporter.metrics import Chunk, Metric


def grouped(chunks: Iterable[Chunk], header: Callable[[Metric], bytes]) -> Iterator[bytes]:
    """Yield headers and lines, in the order in which metrics first appear; lines as they are."""
    families: dict[Metric, list[bytes]] = {}
    for chunk in chunks:
        lines = families.get(chunk.shape.metric)
        if lines is None:
            families[chunk.shape.metric] = lines = [header(chunk.shape.metric)]
        lines.append(chunk.lines)
    return chain.from_iterable(families.values())
