"""Shapes and chunks."""

import pytest

from kata_exporter.metrics import Metric, MetricType, Scope, Shape

METRIC = Metric("kata_x", "X.", MetricType.GAUGE, Scope.SANDBOX)
SHAPE = Shape(METRIC, ('kata_x{a="1"} ', 'kata_x{a="2"} '))


def test_chunk_renders_one_line_per_value() -> None:
    chunk = SHAPE.chunk(["1", "18446744073709551615"])

    assert chunk.lines == b'kata_x{a="1"} 1\nkata_x{a="2"} 18446744073709551615\n'
    assert chunk.values == ("1", "18446744073709551615")


def test_chunk_knows_its_shape_and_metric() -> None:
    chunk = SHAPE.chunk(("1", "2"))

    assert chunk.shape is SHAPE
    assert chunk.metric is METRIC


def test_lines_are_utf8() -> None:
    assert Shape(METRIC, ('kata_x{a="é"} ',)).chunk(["1"]).lines == 'kata_x{a="é"} 1\n'.encode()


@pytest.mark.parametrize("values", [[], ["1"], ["1", "2", "3"]])
def test_chunk_refuses_another_number_of_values(values: list[str]) -> None:
    with pytest.raises(ValueError, match=f"kata_x: {len(values)} values, 2 prefixes"):
        SHAPE.chunk(values)
