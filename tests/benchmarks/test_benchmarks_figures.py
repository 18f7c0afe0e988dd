"""Statistics, ratios, the table and the JSON of a benchmark, from values that are known."""

import json

import pytest

from benchmarks.figures import (
    Figure,
    Key,
    Results,
    Setting,
    Unit,
    Visit,
    Who,
    document,
    ratio_table,
    shown,
    table,
)

FLEET = Setting(100)
HUNG = Setting(100, 5)


def visit(who: Who, *values: float, setting: Setting = FLEET, name: str = "round: CPU") -> Visit:
    looked = Visit(setting, who)
    for value in values:
        looked.add(name, value)
    return looked


def results(*visits: Visit) -> Results:
    taken = Results()
    for one in visits:
        taken.take(one)
    return taken


def test_a_figure_has_median_and_spread_and_keeps_every_value_in_order() -> None:
    (figure,) = results(visit(Who.EXPORTER, 3.0, 1.0, 2.0, 10.0)).figures()
    assert figure.as_json() == {
        "name": "round: CPU",
        "who": "exporter",
        "sandboxes": 100,
        "hung": 0,
        "unit": "seconds",
        "median": 2.5,
        "least": 1.0,
        "most": 10.0,
        "values": [3.0, 1.0, 2.0, 10.0],
    }


def test_a_figure_without_a_value_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="round: CPU: nothing was measured"):
        Figure(Key(FLEET, "round: CPU"), Who.EXPORTER, ())


def test_visits_of_one_program_make_one_figure() -> None:
    taken = results(visit(Who.EXPORTER, 1.0), visit(Who.BASE, 5.0), visit(Who.EXPORTER, 3.0))
    assert [(figure.who, figure.values) for figure in taken.figures()] == [
        (Who.EXPORTER, (1.0, 3.0)),
        (Who.BASE, (5.0,)),
    ]


def test_fleets_with_and_without_hung_agents_are_figures_of_their_own() -> None:
    taken = results(visit(Who.EXPORTER, 1.0), visit(Who.EXPORTER, 2.0, setting=HUNG))
    assert [figure.key.setting for figure in taken.figures()] == [FLEET, HUNG]


def test_a_ratio_is_of_medians_and_says_that_of_each_pair() -> None:
    taken = results(
        visit(Who.EXPORTER, 2.0, 2.0),
        visit(Who.BASE, 4.0, 4.0),
        visit(Who.EXPORTER, 6.0, 6.0),
        visit(Who.BASE, 4.0, 4.0),
    )
    (ratio,) = taken.ratios()
    assert ratio.ratio == 1.0
    assert ratio.of_pairs == (0.5, 1.5)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(visit(Who.FLOOR, 1.0), id="a floor"),
        pytest.param(visit(Who.BASE, 0.0), id="a base of nothing"),
        pytest.param(visit(Who.BASE, 1.0, name="page"), id="another figure"),
        pytest.param(visit(Who.BASE, 1.0, setting=HUNG), id="another fleet"),
    ],
)
def test_there_is_no_ratio_to(other: Visit) -> None:
    assert results(visit(Who.EXPORTER, 1.0), other).ratios() == ()


def test_the_table_has_the_floor_beside_the_exporter_and_alone_where_nobody_answers_to_it() -> None:
    taken = results(
        visit(Who.FLOOR, 0.5),
        visit(Who.EXPORTER, 1.0, 2.0, 3.0),
        visit(Who.FLOOR, 0.25, name="bare"),
        visit(Who.BASE, 4.0),
    )
    heading, ours, base, bare = table(taken.figures()).splitlines()
    assert heading.split() == "100 sandboxes median least most floor least most ratio".split()
    assert (
        ours.split()
        == (
            "round: CPU 2000.00 ms 1000.00 ms 3000.00 ms 500.00 ms 500.00 ms 500.00 ms 4.00"
        ).split()
    )
    assert base.split()[:3] == ["round:", "CPU", "(base)"]
    assert base.split()[-1] == "8.00"
    assert bare.split() == "bare 250.00 ms 250.00 ms 250.00 ms".split()
    assert bare.index("250.00") > ours.index("3000.00")


def test_the_table_has_a_heading_for_each_fleet() -> None:
    taken = results(visit(Who.EXPORTER, 2.0, setting=HUNG), visit(Who.EXPORTER, 1.0))
    lines = table(taken.figures()).splitlines()
    assert [line.split("  ")[0] for line in lines if "median" in line] == [
        "100 sandboxes",
        "100 sandboxes, 5 hung",
    ]


def test_the_table_of_ratios_names_the_base() -> None:
    taken = results(visit(Who.EXPORTER, 1.0), visit(Who.BASE, 2.0))
    assert ratio_table(taken.ratios(), "v1.0").splitlines() == [
        "this tree over v1.0; in brackets each pair of runs",
        "",
        "100 sandboxes",
        "round: CPU    0.500  (0.500)",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, Unit.SECONDS, "12.30 ms"),
        (12.3, Unit.SECONDS, "12.30 s"),
        (3 << 19, Unit.BYTES, "1.5 MiB"),
    ],
)
def test_a_value_is_shown_with_its_unit(value: float, unit: Unit, text: str) -> None:
    assert shown(value, unit) == text


def test_the_document_holds_machine_run_figures_and_ratios_and_is_json() -> None:
    taken = results(visit(Who.EXPORTER, 1.0), visit(Who.BASE, 2.0))
    written = json.loads(json.dumps(document(taken, machine={"cores": 2}, run={"rounds": 1})))
    assert written["schema"] == 1
    assert written["machine"] == {"cores": 2}
    assert written["run"] == {"rounds": 1}
    assert [figure["who"] for figure in written["figures"]] == ["exporter", "base"]
    assert written["ratios"] == [
        {
            "name": "round: CPU",
            "sandboxes": 100,
            "hung": 0,
            "ratio": 0.5,
            "ratio_of_pairs": [0.5],
        }
    ]
