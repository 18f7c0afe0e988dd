"""Families: from a raw sample's labels to a metric of ours."""

import re

import pytest

from kata_exporter.guest.family import Family, GuestLabel, Item, Target, guest_metric
from kata_exporter.guest.numbers import from_milliseconds
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.metrics import MetricType, Scope

TIME = guest_metric(
    "time_seconds_total",
    MetricType.COUNTER,
    "Time",
    raw="raw_time",
    source="/proc/time",
    unit="seconds",
    labels=("cpu", "mode"),
)
PLAIN = guest_metric("plain", MetricType.GAUGE, "Plain", raw="raw_plain", source="/proc/plain")
FAMILY = Family(
    name="raw_time",
    items={
        "user": Item(TIME, from_milliseconds, {"mode": "user"}),
        "sys": Item(TIME, pairs={"mode": "system"}),
    },
    labels=(GuestLabel("core", "cpu", re.compile("[0-9]"), 8, frozenset({"total"})),),
    left_out=frozenset({"spare"}),
    left_out_shape=re.compile("nr_[a-z]+"),
)
SINGLE = Family(name="raw_plain", items={"": Item(PLAIN)})


def test_record_names_the_raw_item_and_the_kernels_file() -> None:
    assert TIME.name == "kata_guest_time_seconds_total"
    assert TIME.help == "Time (agent: raw_time)."
    assert "/proc/time" in TIME.source
    assert TIME.scope is Scope.SANDBOX


def test_sample_goes_to_its_metric_with_labels_in_the_records_order() -> None:
    target = FAMILY.resolve({"item": "user", "core": "3"})

    assert isinstance(target, Target)
    assert (target.metric, target.convert) == (TIME, from_milliseconds)
    assert target.pairs == 'cpu="3",mode="user"'
    assert target.chosen == ((FAMILY.labels[0], "3"),)
    assert target.pairs_of_others == 'cpu="other",mode="user"'


def test_family_without_items_takes_a_sample_without_labels() -> None:
    assert SINGLE.resolve({}) == Target(SINGLE.items[""], "")


@pytest.mark.parametrize(
    "labels",
    [
        {"item": "spare", "core": "0"},
        {"item": "nr_free", "core": "0"},
        {"item": "user", "core": "total"},
    ],
)
def test_known_but_unwanted_samples_are_left_out(labels: dict[str, str]) -> None:
    assert FAMILY.resolve(labels) is None


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"item": "idle", "core": "0"}, RejectReason.UNKNOWN_ITEM),
        ({"item": "nr_1", "core": "0"}, RejectReason.UNKNOWN_ITEM),
        ({"item": "", "core": "0"}, RejectReason.UNKNOWN_ITEM),
        ({"item": "user"}, RejectReason.UNKNOWN_LABEL),
        ({"core": "0"}, RejectReason.UNKNOWN_LABEL),
        ({"item": "user", "cpu": "0"}, RejectReason.UNKNOWN_LABEL),
        ({"core": "0", "le": "1"}, RejectReason.UNKNOWN_LABEL),
        ({"item": "user", "core": "0", "sandbox_id": "x"}, RejectReason.UNKNOWN_LABEL),
        ({"item": "user", "core": "12"}, RejectReason.BAD_LABEL),
        ({"item": "user", "core": "Total"}, RejectReason.BAD_LABEL),
    ],
)
def test_other_samples_are_rejected(labels: dict[str, str], reason: RejectReason) -> None:
    assert FAMILY.resolve(labels) is reason


def test_family_without_items_takes_no_label() -> None:
    assert SINGLE.resolve({"item": "x"}) is RejectReason.UNKNOWN_LABEL


def test_metrics_of_a_family_stand_once_each() -> None:
    assert FAMILY.metrics == (TIME,)
