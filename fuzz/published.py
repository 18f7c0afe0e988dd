"""What holds for all that is published, whatever it was made from."""

import math
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.exposition.text import render
from kata_exporter.metrics import Chunk, MetricType


def assert_sound(chunks: Iterable[Chunk]) -> None:
    """Hold chunks to that: each series once, labels of their records alone, finite numbers."""
    chunks = tuple(chunks)
    records = {chunk.metric.name: chunk.metric for chunk in chunks}
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for family in text_string_to_metric_families(render(chunks).decode()):
        for sample in family.samples:
            record = records[sample.name]
            assert tuple(sample.labels) == record.labels
            assert sample.timestamp is None
            assert math.isfinite(sample.value)
            assert sample.value >= 0 or record.type is not MetricType.COUNTER
            seen.add((sample.name, frozenset(sample.labels.items())))
    assert len(seen) == sum(len(chunk.values) for chunk in chunks)
