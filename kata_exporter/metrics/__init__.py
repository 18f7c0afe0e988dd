"""Metric records, and the rendering of sample lines. Pure: imports nothing of ours, does no IO."""

from kata_exporter.metrics.chunk import Chunk, Shape
from kata_exporter.metrics.record import Metric, MetricType, Scope, Stability
from kata_exporter.metrics.text import escape_help, escape_label_value, label_pairs, sample_prefix

__all__ = [
    "Chunk",
    "Metric",
    "MetricType",
    "Scope",
    "Shape",
    "Stability",
    "escape_help",
    "escape_label_value",
    "label_pairs",
    "sample_prefix",
]
