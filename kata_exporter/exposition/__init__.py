"""From snapshot to page: families grouped over sandboxes, in the formats that Prometheus reads."""

from kata_exporter.exposition.negotiate import PageFormat, negotiate
from kata_exporter.exposition.openmetrics import render_openmetrics
from kata_exporter.exposition.selection import EVERYTHING, Choices, Selection, select
from kata_exporter.exposition.text import render

__all__ = [
    "EVERYTHING",
    "Choices",
    "PageFormat",
    "Selection",
    "negotiate",
    "render",
    "render_openmetrics",
    "select",
]
