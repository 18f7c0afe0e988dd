"""Metric records refuse what the naming rules refuse."""

import pytest

from kata_exporter.metrics import Metric, MetricType, Scope, Stability


def _metric(
    name: str = "kata_x",
    help_: str = "X.",
    type_: MetricType = MetricType.GAUGE,
    labels: tuple[str, ...] = (),
    scope: Scope = Scope.SANDBOX,
) -> Metric:
    return Metric(name, help_, type_, scope, labels)


def test_scopes_have_the_identity_labels_in_written_order() -> None:
    assert Scope.SANDBOX.labels == ("sandbox_id", "namespace", "pod")
    assert Scope.EXPORTER.labels == ()
    assert Scope.CONTAINER.labels == (*Scope.SANDBOX.labels, "container", "container_id")


def test_a_record_is_experimental_unless_it_says_otherwise() -> None:
    assert _metric().stability is Stability.EXPERIMENTAL


@pytest.mark.parametrize("name", ["", "9x", "Kata", "kata-x", "kata x", "_x", "kata_é"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no valid name"):
        _metric(name=name)


@pytest.mark.parametrize("label", ["", "__name__", "a-b", "A"])
def test_bad_labels_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="no valid name"):
        _metric(labels=(label,))


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("kata_x", MetricType.COUNTER),
        ("kata_x_total", MetricType.GAUGE),
        ("kata_x_total", MetricType.UNTYPED),
    ],
)
def test_total_and_counter_go_together(name: str, type_: MetricType) -> None:
    with pytest.raises(ValueError, match="_total belongs to counters"):
        _metric(name=name, type_=type_)


@pytest.mark.parametrize("help_", ["", "two\nlines"])
def test_help_is_one_line(help_: str) -> None:
    with pytest.raises(ValueError, match="help is one line"):
        _metric(help_=help_)


def test_own_label_may_not_repeat_one_of_the_scope() -> None:
    with pytest.raises(ValueError, match="repeats one of its scope"):
        _metric(labels=("pod",))


def test_own_label_may_stand_once_only() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        _metric(labels=("a", "a"))


def test_records_are_compared_by_identity() -> None:
    one, other = _metric(), _metric()

    assert one != other
    assert len({one, other}) == 2
