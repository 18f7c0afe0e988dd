"""A whole run on three sandboxes, with every process that a large one has."""

import math
from pathlib import Path

import pytest

from benchmarks.__main__ import measure_fleets
from benchmarks.figures import Figure, Results, Setting, Unit, Who
from benchmarks.plan import Plan
from own_children import own_children

TINY = Plan(sizes=(3,), rounds=1, window_seconds=1.2, interval_seconds=1)


@pytest.mark.timeout(120)
async def test_a_tiny_run_measures_everything_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # What matters here is that all is measured; pages may be used again.
    for name, seconds in (("scraping.APART", 0.01), ("stages.APART", 0.01), ("stages.LAG", 0.1)):
        monkeypatch.setattr(f"benchmarks.{name}_SECONDS", seconds)
    before = own_children()
    results = Results()

    await measure_fleets(TINY, None, results)

    assert own_children() == before
    assert list(tmp_path.iterdir()) == []
    assert "3 sandboxes, 1 hung: event loop, exporter" in capsys.readouterr().err
    figures = {(f.key.setting, f.who, f.key.name): f for f in results.figures()}
    assert all(math.isfinite(v) and v >= 0 for f in figures.values() for v in f.values)
    whole, hung = Setting(3), Setting(3, 1)
    for who in (Who.EXPORTER, Who.FLOOR):
        assert positive(figures[whole, who, "first round: wall"])
        assert positive(figures[whole, who, "round: CPU"])
        assert positive(figures[whole, who, "ten scrapes, gzip: CPU"])
        assert figures[whole, who, "scrape, plain: peak memory"].key.unit is Unit.BYTES
    assert positive(figures[hung, Who.EXPORTER, "round: CPU"])
    assert positive(figures[hung, Who.EXPORTER, "scrape, gzip: wall"])
    assert (hung, Who.EXPORTER, "first round: wall") not in figures
    # Three times 511 samples, most of which are kept; a hung sandbox has none of them.
    page, with_hung = (figures[s, Who.EXPORTER, "page"].values[0] for s in (whole, hung))
    assert 100_000 < with_hung < page < 300_000


def positive(figure: Figure) -> bool:
    return all(value > 0 for value in figure.values)
