"""Names for the labels of pods."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.snapshot.pod_labels import pod_label_pairs


def test_keys_are_named_as_kube_state_metrics_names_them() -> None:
    labels = {"app.kubernetes.io/name": "web", "topologyKey": "a", "x-y": "b"}

    assert pod_label_pairs(labels) == [
        ("label_app_kubernetes_io_name", "web"),
        ("label_topology_key", "a"),
        ("label_x_y", "b"),
    ]


def test_keys_that_come_out_alike_are_told_apart() -> None:
    assert pod_label_pairs({"a-b": "1", "a.b": "2", "a_b_conflict1": "3"}) == [
        ("label_a_b_conflict2", "1"),
        ("label_a_b_conflict3", "2"),
        ("label_a_b_conflict1", "3"),
    ]


@given(st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=8))
def test_whatever_the_keys_are_names_are_valid_and_none_comes_twice(labels: dict[str, str]) -> None:
    pairs = pod_label_pairs(labels)

    assert sorted(value for _, value in pairs) == sorted(labels.values())
    assert len({name for name, _ in pairs}) == len(labels)
    assert all(re.fullmatch(r"label_[a-z0-9_]*", name, re.ASCII) for name, _ in pairs)
