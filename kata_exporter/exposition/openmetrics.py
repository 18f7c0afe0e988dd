"""OpenMetrics 1.0: the same sample lines, under headers as that format has them.

https://prometheus.io/docs/specs/om/open_metrics_spec/. A counter's family is named without
``_total``, what has no type is ``unknown``, and the page has an end.
"""

from collections.abc import Iterable
from functools import cache
from itertools import chain

from kata_exporter.exposition.grouped import grouped
from kata_exporter.metrics import Chunk, Metric, MetricType, escape_help

END = b"# EOF\n"


def render_openmetrics(chunks: Iterable[Chunk], *, end: bytes = b"") -> bytes:
    """Render a page, as `exposition.text.render` does.

    Args:
        chunks: of every sandbox.
        end: families that are rendered already, with the page's end or empty.
    """
    return b"".join(chain(grouped(chunks, _header), (end or END,)))


def family_name(metric: Metric) -> str:
    """Return the name that a metric's family has in this format."""
    return metric.name.removesuffix("_total")


@cache
def _header(metric: Metric) -> bytes:
    name, help_text = family_name(metric), escape_help(metric.help).replace('"', '\\"')
    kind = "unknown" if metric.type is MetricType.UNTYPED else str(metric.type)
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n".encode()
