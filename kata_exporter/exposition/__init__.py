"""From snapshot to page: families grouped over sandboxes, in the formats that Prometheus reads."""

from kata_exporter.exposition.selection import EVERYTHING, Choices, Selection, select
from kata_exporter.exposition.text import CONTENT_TYPE, render

__all__ = ["CONTENT_TYPE", "EVERYTHING", "Choices", "Selection", "render", "select"]
