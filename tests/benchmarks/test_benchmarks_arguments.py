"""The command line of the benchmark."""

from pathlib import Path

import pytest

from benchmarks.arguments import PAIRED_ROUNDS, QUICK, parse
from benchmarks.control import ROOT
from benchmarks.figures import Setting, Who
from benchmarks.plan import Plan, Subject, paired


def test_without_arguments_two_fleets_are_measured_seven_times() -> None:
    arguments = parse([])
    assert (arguments.what, arguments.plan) == ("fleet", Plan())
    assert (arguments.base, arguments.json) == (None, None)
    assert arguments.plan.sizes == (100, 1000)
    assert arguments.plan.rounds == 7


def test_each_fleet_is_measured_whole_and_with_a_twentieth_hung() -> None:
    assert Plan(sizes=(3, 1000)).settings == (
        Setting(3),
        Setting(3, 1),
        Setting(1000),
        Setting(1000, 50),
    )


def test_quick_is_small_and_can_be_made_larger(tmp_path: Path) -> None:
    assert parse(["--quick"]).plan == QUICK
    file = tmp_path / "figures.json"
    arguments = parse(["--quick", "--sizes", "10,20", "--rounds", "9", "--json", str(file)])
    assert arguments.plan.sizes == (10, 20)
    assert arguments.plan.rounds == 9
    assert arguments.plan.interval_seconds == QUICK.interval_seconds
    assert arguments.json == file


def test_a_comparison_has_at_least_seven_values_in_its_two_visits() -> None:
    arguments = parse(["--base", "v1"])
    assert arguments.base == "v1"
    assert 2 * arguments.plan.rounds == 2 * PAIRED_ROUNDS >= 7


def test_a_comparison_goes_to_and_fro(tmp_path: Path) -> None:
    ours, base = Subject(Who.EXPORTER, ROOT), Subject(Who.BASE, tmp_path)
    assert paired(tmp_path) == (ours, base, ours, base)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--sizes", "0"], "'0' must be a whole number from 1 to 2000"),
        (["--sizes", "100,"], "'' must be a whole number from 1 to 2000"),
        (["--sizes", "2001"], "'2001' must be a whole number from 1 to 2000"),
        (["--rounds", "x"], "'x' must be a whole number from 1 to 100"),
        (["--base", ""], "is empty: name a commit, branch or tag"),
        (["--json", "."], "'.' can't be written: name a file in a folder"),
        (["--json", "nowhere/at/all.json"], "can't be written: name a file in a folder"),
        (["micro", "--base", "v1"], "micro has no comparison"),
        (["scrapes"], "invalid choice: 'scrapes'"),
    ],
)
def test_a_mistake_is_told(
    argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
