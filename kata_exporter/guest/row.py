"""A sandbox's row of samples: those of one metric, from one text to the next."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from kata_exporter.guest.falling import Counters, FallingCounters
from kata_exporter.guest.layout import Group, Pick
from kata_exporter.guest.numbers import Conversion, total
from kata_exporter.metrics import MetricType, Shape, sample_prefix

_Places = Sequence[Sequence[int]]
"""Of each series, where among the samples of a group those are that it is the sum of."""


class Row(NamedTuple):
    """The samples of a layout's group under one sandbox's labels.

    ``pick`` takes their values out of a text's, and ``convert`` makes one value for each series of
    ``shape``. ``counters`` are what these last were; None where they are no counters.
    """

    shape: Shape
    pick: Pick
    convert: Conversion
    counters: Counters | None


def make_row(group: Group, room: Sequence[bool], identity: str, falling: FallingCounters) -> Row:
    """Bind a group to a sandbox.

    Args:
        group: of a layout.
        room: of each sample whether there is room for what the guest chose; empty where it chose
            nothing. Those without come under one series, as their sum.
        identity: the sandbox's labels.
        falling: has what is known of the series.
    """
    pairs, wavers, convert = group.pairs, group.wavers, group.convert
    if not all(room):
        places = _places(group, room)
        pairs = tuple(places)
        wavers = tuple(wavers[own[0]] for own in places.values()) if wavers else ()
        convert = partial(_summed, convert, tuple(places.values()))
    metric = group.metric
    shape = Shape(metric, tuple(sample_prefix(metric.name, identity, own) for own in pairs))
    counters = falling.row(metric, pairs, wavers) if metric.type is MetricType.COUNTER else None
    return Row(shape, group.pick, convert, counters)


def _places(group: Group, room: Sequence[bool]) -> dict[str, list[int]]:
    """Return where the samples of each series are, by the labels of the series."""
    places: dict[str, list[int]] = {}
    for place, has_room in enumerate(room):
        pairs = group.pairs[place] if has_room else group.pairs_of_others[place]
        places.setdefault(pairs, []).append(place)
    return places


def _summed(convert: Conversion, places: _Places, values: Sequence[str]) -> Sequence[str]:
    converted = convert(values)
    return [total([converted[place] for place in of_one]) for of_one in places]
