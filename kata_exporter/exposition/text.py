"""Text format 0.0.4: HELP and TYPE once per family, then the lines of every sandbox.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable
from functools import cache
from itertools import chain

from kata_exporter.exposition.grouped import grouped
from kata_exporter.metrics import Chunk, Metric, escape_help


def render(chunks: Iterable[Chunk], *, end: bytes = b"") -> bytes:
    """Render a page: chunks are grouped by metric, in the order in which metrics first appear.

    Lines are taken as they are; a page costs one join, whatever the number of samples.

    Args:
        chunks: of every sandbox.
        end: families that are rendered already, for the end of the page; part of the same join,
            since a page can be large and appending would copy it.
    """
    return b"".join(chain(grouped(chunks, _header), (end,)))


@cache
def _header(metric: Metric) -> bytes:
    help_text = escape_help(metric.help)
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {metric.type}\n".encode()
