"""What a query of /metrics selects, and what is said of one that asks for what there isn't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from kata_exporter.exposition import EVERYTHING, Choices, Selection
from kata_exporter.web.query import MAX_VALUES, QueryError, has_selection, parse_selection

CHOICES = Choices(
    collectors={"guest_metrics": True, "container_stats": False, "details": True},
    metrics={
        "kata_guest_load1": "kata_guest_load1",
        "kata_exporter_call_seconds": "kata_exporter_call_seconds",
        "kata_exporter_call_seconds_bucket": "kata_exporter_call_seconds",
    },
    sandboxes={"box-a", "box-b"},
)
MAX_ERROR_CHARACTERS = 2000
Pairs = list[tuple[str, str]]


def parsed(*pairs: tuple[str, str]) -> Selection:
    return parse_selection(MultiDict(pairs), CHOICES)


def refused(*pairs: tuple[str, str]) -> str:
    with pytest.raises(QueryError) as caught:
        parsed(*pairs)
    return str(caught.value)


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("pairs", "selection"),
    [
        ([], EVERYTHING),
        ([("other", "x"), ("collect", "x"), ("names[]", "x")], EVERYTHING),
        ([("collect[]", "guest_metrics")], Selection(of("guest_metrics"))),
        (
            [("collect[]", "details"), ("collect[]", "guest_metrics"), ("collect[]", "details")],
            Selection(of("details", "guest_metrics")),
        ),
        ([("exclude[]", "details")], Selection(of("guest_metrics", "container_stats"))),
        ([("exclude[]", "container_stats")], Selection(of("guest_metrics", "details"))),
        ([("name[]", "kata_guest_load1")], Selection(metrics=of("kata_guest_load1"))),
        (
            [("name[]", "kata_exporter_call_seconds_bucket")],
            Selection(metrics=of("kata_exporter_call_seconds")),
        ),
        (
            [("sandbox", "box-b"), ("sandbox", "box-a")],
            Selection(sandboxes=of("box-a", "box-b")),
        ),
    ],
)
def test_parameters_are_repeatable_and_those_of_others_are_passed_over(
    pairs: Pairs, selection: Selection
) -> None:
    assert parsed(*pairs) == selection
    assert has_selection(MultiDict(pairs)) == (selection != EVERYTHING)


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        (
            [("collect[]", "guest_metrics"), ("exclude[]", "details")],
            "collect[] and exclude[] don't go together: leave one of them out",
        ),
        (
            [("collect[]", "cpu")],
            (
                "collect[]: there is no collector 'cpu'; the collectors are"
                " guest_metrics, container_stats, details"
            ),
        ),
        (
            [("exclude[]", "")],
            (
                "exclude[]: there is no collector ''; the collectors are"
                " guest_metrics, container_stats, details"
            ),
        ),
        (
            [("collect[]", "container_stats")],
            (
                "collect[]: collector container_stats is switched off; switched on:"
                " guest_metrics, details"
            ),
        ),
        (
            [("name[]", "kata_guest_load")],
            "name[]: there is no metric 'kata_guest_load'; did you mean 'kata_guest_load1'?",
        ),
        (
            [("name[]", "x\n<b>")],
            "name[]: there is no metric 'x\\n<b>'; the page without parameters shows those there are",
        ),
        (
            [("sandbox", "../box-a")],
            "sandbox: no sandbox '../box-a' is known; known: box-a, box-b",
        ),
    ],
)
def test_what_there_is_not_is_an_error_that_says_what_there_is(pairs: Pairs, error: str) -> None:
    assert refused(*pairs) == error


@pytest.mark.parametrize("parameter", ["collect[]", "exclude[]", "name[]", "sandbox"])
def test_a_parameter_is_given_a_bounded_number_of_times(parameter: str) -> None:
    error = refused(*[(parameter, "x")] * (MAX_VALUES + 1))

    assert error.startswith(f"{parameter} is given 101 times, where 100 are allowed")


def test_only_some_of_many_sandboxes_are_listed() -> None:
    many = Choices({}, {}, {f"box-{n:04}" for n in range(4096)})

    with pytest.raises(QueryError) as caught:
        parse_selection(MultiDict([("sandbox", "box-x")]), many)

    assert str(caught.value).endswith(
        "box-0008, box-0009 and 4086 more, which /api/v1/sandboxes lists"
    )


def test_without_sandboxes_none_is_said_to_be_known() -> None:
    with pytest.raises(QueryError, match="is known; none is known"):
        parse_selection(MultiDict([("sandbox", "box-x")]), Choices({}, {}, ()))


@given(
    st.lists(
        st.tuples(st.sampled_from(["collect[]", "exclude[]", "name[]", "sandbox", "x"]), st.text()),
        max_size=5,
    )
)
def test_any_query_is_a_selection_or_one_short_printable_line(pairs: Pairs) -> None:
    try:
        parsed(*pairs)
    except QueryError as error:
        text = str(error)
        assert text.isprintable()
        assert len(text) <= MAX_ERROR_CHARACTERS
