"""A few sandboxes, some of which attack, with every process that a large run has."""

import math

import pytest

from benchmarks.__main__ import measure_hostile
from benchmarks.figures import Results, Setting, Unit, Who
from benchmarks.hostile import COSTLIEST, Hostile
from kata_exporter.simulator.faults import FAULTS
from own_children import own_children

TINY = Hostile(
    sandboxes=4, interval_seconds=1, window_seconds=1.5, faults=("many-samples", "flood")
)


def test_the_faults_are_in_the_simulators_catalogue() -> None:
    assert set(COSTLIEST) <= set(FAULTS)


@pytest.mark.timeout(120)
async def test_a_tiny_siege_measures_everything_and_leaves_nothing() -> None:
    before = own_children()
    results = Results()

    await measure_hostile(TINY, results)

    assert own_children() == before
    figures = {(f.who, f.key.name): f for f in results.figures()}
    assert {f.key.setting for f in figures.values()} == {Setting(TINY.sandboxes)}
    assert all(math.isfinite(v) and v > 0 for f in figures.values() for v in f.values)
    attacks = {name.partition(":")[0] for who, name in figures if who is Who.EXPORTER}
    assert attacks == {"one, many-samples", "one, flood", "half, by all of these"}
    read = "one, many-samples: bytes read a minute"
    assert figures[Who.EXPORTER, read].key.unit is Unit.BYTES
    # A text as long as may be, where there were some of a few kilobytes.
    assert figures[Who.EXPORTER, read].median > 2 * figures[Who.FLOOR, read].median
