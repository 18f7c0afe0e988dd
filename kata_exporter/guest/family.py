"""How a family of the guest's text becomes metrics of ours: the records that the schema is made of.

A guest chooses values only. Names, types, help and label keys come from these records, and so do
the values of every label that names an item.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kata_exporter.guest.numbers import Conversion, as_is
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.seen_values import OTHER
from kata_exporter.metrics import Metric, MetricType, Scope, label_pairs

ITEM = "item"
"""The label by which the agent tells the members of a family apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """What an item becomes.

    Args:
        metric: whose sample it is.
        convert: to base units.
        pairs: labels of the metric whose value the item decides.
        wavers: whether the kernel's own value falls a little now and then.
    """

    metric: Metric
    convert: Conversion = as_is
    pairs: Mapping[str, str] = field(default_factory=dict)
    wavers: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class GuestLabel:
    """A label whose value the guest chooses.

    Args:
        raw: its key in the guest's text.
        name: its key in ours.
        shape: what a value must look like.
        most: how many values there may be; all beyond come under `OTHER`.
        left_out: values that are known and not wanted.
    """

    raw: str
    name: str
    shape: re.Pattern[str]
    most: int
    left_out: frozenset[str] = frozenset()


Chosen = tuple[tuple[GuestLabel, str], ...]
"""Labels whose values the guest chose, with the values."""


class Target(NamedTuple):
    """Where a sample goes."""

    item: Item
    pairs: str
    """Its own labels as ``key="value",...``; identity comes before them."""
    chosen: Chosen = ()
    pairs_of_others: str = ""
    """Its labels where there is no room for a value that the guest chose."""

    @property
    def metric(self) -> Metric:
        """Whose sample it is."""
        return self.item.metric

    @property
    def convert(self) -> Conversion:
        """What takes its value to base units."""
        return self.item.convert


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A family of the guest's text.

    Args:
        name: its name there.
        items: what each value of its label ``item`` becomes; a family without that label has one,
            under "", here or in `left_out`.
        labels: its other labels.
        left_out: items that are known and not wanted.
        left_out_shape: shape of further such items, where the kernel's build decides on them.
    """

    name: str
    items: Mapping[str, Item]
    labels: tuple[GuestLabel, ...] = ()
    left_out: frozenset[str] = frozenset()
    left_out_shape: re.Pattern[str] | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Its metrics, each once, in the order of the items."""
        return tuple(dict.fromkeys(item.metric for item in self.items.values()))

    def resolve(self, labels: Mapping[str, str]) -> Target | RejectReason | None:
        """Say where a sample with these labels goes; None leaves it out."""
        single = "" in self.items or "" in self.left_out
        if len(labels) != len(self.labels) + (not single):
            return RejectReason.UNKNOWN_LABEL
        if any(label.raw not in labels for label in self.labels):
            return RejectReason.UNKNOWN_LABEL
        name = "" if single else labels.get(ITEM)
        if name is None:
            return RejectReason.UNKNOWN_LABEL
        item = self.items.get(name)
        if item is None:
            return None if self._leaves_out(name) else RejectReason.UNKNOWN_ITEM
        return self._target(item, labels)

    def _leaves_out(self, item: str) -> bool:
        return item in self.left_out or (
            self.left_out_shape is not None and self.left_out_shape.fullmatch(item) is not None
        )

    def _target(self, item: Item, labels: Mapping[str, str]) -> Target | RejectReason | None:
        chosen = tuple((label, labels[label.raw]) for label in self.labels)
        for label, value in chosen:
            if value in label.left_out:
                return None
            if not label.shape.fullmatch(value):
                return RejectReason.BAD_LABEL
        if not chosen:
            return Target(item, _pairs(item, {}))
        own = {label.name: value for label, value in chosen}
        return Target(item, _pairs(item, own), chosen, _pairs(item, dict.fromkeys(own, OTHER)))


def _pairs(item: Item, chosen: Mapping[str, str]) -> str:
    own = {**item.pairs, **chosen}
    return label_pairs((name, own[name]) for name in item.metric.labels)


def guest_metric(
    name: str,
    type_: MetricType,
    what: str,
    *,
    raw: str,
    source: str,
    unit: str = "",
    labels: tuple[str, ...] = (),
) -> Metric:
    """Make the record ``kata_guest_<name>``, whose help ends with the raw item it comes from."""
    return Metric(
        name=f"kata_guest_{name}",
        help=f"{what} (agent: {raw}).",
        type=type_,
        scope=Scope.SANDBOX,
        labels=labels,
        unit=unit,
        source=f"GetMetrics: {source}, in the guest",
    )
