"""Text format 0.0.4: HELP and TYPE once per family, then the lines of every sandbox.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable
from functools import cache
from itertools import chain

from kata_exporter.metrics import Chunk, Metric, escape_help

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(chunks: Iterable[Chunk], *, end: bytes = b"") -> bytes:
    """Render a page: chunks are grouped by metric, in the order in which metrics first appear.

    Lines are taken as they are; a page costs one join, whatever the number of samples.

    Args:
        chunks: of every sandbox.
        end: families that are rendered already, for the end of the page; part of the same join,
            since a page can be large and appending would copy it.
    """
    families: dict[Metric, list[bytes]] = {}
    for chunk in chunks:
        lines = families.get(chunk.shape.metric)
        if lines is None:
            families[chunk.shape.metric] = lines = [_header(chunk.shape.metric)]
        lines.append(chunk.lines)
    return b"".join(chain(chain.from_iterable(families.values()), (end,)))


@cache
def _header(metric: Metric) -> bytes:
    help_text = escape_help(metric.help)
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {metric.type}\n".encode()
