"""A short churn on a few sandboxes, with every process that a large one has."""

import math

import pytest

from benchmarks.__main__ import measure_churn
from benchmarks.churn import Churn
from benchmarks.figures import Results, Setting, Unit, Who
from own_children import own_children

TINY = Churn(sandboxes=4, per_second=10, windows=1, window_seconds=1.0)


@pytest.mark.timeout(120)
async def test_a_tiny_churn_measures_everything_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.churn.SETTLE_SECONDS", 0.5)
    before = own_children()
    results = Results()

    await measure_churn(TINY, results)

    assert own_children() == before
    figures = {(f.who, f.key.name): f for f in results.figures()}
    assert {f.key.setting for f in figures.values()} == {Setting(TINY.sandboxes)}
    assert all(math.isfinite(v) and v > 0 for f in figures.values() for v in f.values)
    names = {f"discovery: {what}, p95" for what in ("known", "addressed", "gone")}
    assert {name for who, name in figures if who is Who.EXPORTER} > names
    assert (Who.FLOOR, "discovery: known, p95") in figures
    assert figures[Who.EXPORTER, "churn: resident memory"].key.unit is Unit.BYTES
