"""What of a guest's text stays the same from one round to the next, worked out once.

A text's *skeleton* is all of it but its plain values. Texts with the same skeleton have the same
samples in the same places, so what was found out about one holds for all: which metric each value
belongs to, with which labels and conversion, and what is dropped and why.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from sys import getsizeof
from types import MappingProxyType

from kata_exporter.guest.family import Chosen, Target
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.numbers import PLAIN_CHARACTERS, Conversion, canonical
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.scanner import RawSample, parse_head, parse_line
from kata_exporter.guest.schema import Schema
from kata_exporter.metrics import Metric, MetricType

_DECIDED_BY_SKELETON = frozenset(
    {
        RejectReason.UNKNOWN_FAMILY,
        RejectReason.UNKNOWN_ITEM,
        RejectReason.UNKNOWN_LABEL,
        RejectReason.DUPLICATE,
        RejectReason.TOO_MANY_SERIES,
    }
)
"""Reasons that can't change with the values; any other makes a text one of its own."""

Pick = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The samples of one metric: their own labels, and where their values are.

    Args:
        metric: whose samples they are.
        convert: their values, to base units.
        pairs: their labels.
        pick: takes their values out of all of a text's.
        chosen: of each sample the values that the guest chose; empty where it chose none.
        pairs_of_others: labels of each where there is no room for those; empty as ``chosen`` is.
        wavers: of each sample whether its kernel's value wavers; empty where none does.
    """

    metric: Metric
    convert: Conversion
    pairs: tuple[str, ...]
    pick: Pick
    chosen: tuple[Chosen, ...] = ()
    pairs_of_others: tuple[str, ...] = ()
    wavers: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """All that a skeleton decides, under one schema and the same limits.

    Args:
        key: schema, limits and skeleton.
        groups: in the schema's order.
        rejected: how many lines were dropped, by reason.
        samples: how many were kept.
        reusable: whether it holds for every text of this skeleton.
    """

    key: tuple[Schema, Limits, tuple[str, ...]]
    groups: tuple[Group, ...]
    rejected: Mapping[RejectReason, int]
    samples: int
    reusable: bool

    @property
    def skeleton(self) -> tuple[str, ...]:
        """The skeleton that it was made of."""
        return self.key[2]

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        # Labels are parts of the skeleton, kept once more.
        return 2 * sum(map(getsizeof, self.skeleton))


def lay_out(
    skeleton: tuple[str, ...], plain: Sequence[str], schema: Schema, limits: Limits
) -> tuple[Layout, list[str]]:
    """Scan a text, given as `scanner.split_values` parts it.

    Returns:
        Its layout, and the values that the layout's picks are for: the plain ones, then those that
        had to be brought to canonical form.

    Raises:
        GuestTextError: the text has too many lines, or nothing in it is usable.
    """
    if len(plain) + sum(piece.count("\n") for piece in skeleton) > limits.lines:
        raise GuestTextError(RejectReason.TOO_MANY_LINES)
    draft = _Draft(schema, limits, list(plain))
    for index, piece in enumerate(skeleton):
        *lines, head = piece.split("\n")
        for line in lines:
            draft.add_line(line)
        if index < len(plain):
            draft.add_head(head, index)
    if not draft.series:
        raise GuestTextError(RejectReason.NOTHING_USABLE)
    return draft.layout(skeleton), draft.values


class _Draft:
    """A layout in the making."""

    def __init__(self, schema: Schema, limits: Limits, values: list[str]) -> None:
        self.values = values
        self.series: set[tuple[Metric, str]] = set()
        self._schema = schema
        self._limits = limits
        self._groups: dict[Metric, list[tuple[Target, int]]] = {}
        self._texts: dict[str, str] = {}
        self._chosen: dict[Chosen, Chosen] = {}
        self._rejected: Counter[RejectReason] = Counter()
        self._reusable = True

    def add_head(self, head: str, index: int) -> None:
        """Take a line that ends in plain value `index`."""
        longest = len(head) + 1 + PLAIN_CHARACTERS
        if longest > self._limits.line_characters:
            self._reusable = False  # whether such a line is too long depends on its value
            if len(head) + 1 + len(self.values[index]) > self._limits.line_characters:
                self._rejected[RejectReason.LINE_TOO_LONG] += 1
                return
        if not head.startswith("#"):
            self._add(parse_head(head, self._limits), index)

    def add_line(self, line: str) -> None:
        """Take a line that doesn't end in a plain value: a comment, or a number to look at."""
        if len(line) > self._limits.line_characters:
            self._rejected[RejectReason.LINE_TOO_LONG] += 1
            return
        if not line or line.startswith("#"):
            return
        self._reusable = False
        parsed = parse_line(line, self._limits)
        if isinstance(parsed, RejectReason):
            self._rejected[parsed] += 1
            return
        sample, text = parsed
        number = canonical(text)
        if number is None:
            self._rejected[RejectReason.BAD_NUMBER] += 1
            return
        self.values.append(number)
        self._add(sample, len(self.values) - 1)

    def layout(self, skeleton: tuple[str, ...]) -> Layout:
        """Return what has become of it."""
        groups = map(_group, self._groups.values())
        size = sum(map(len, skeleton)) + sum(map(len, self.values))
        return Layout(
            key=(self._schema, self._limits, skeleton),
            groups=tuple(sorted(groups, key=lambda group: self._schema.position(group.metric))),
            rejected=MappingProxyType(dict(self._rejected)),
            samples=len(self.series),
            reusable=self._reusable
            and size <= self._limits.layout_characters
            and self._rejected.keys() <= _DECIDED_BY_SKELETON,
        )

    def _add(self, sample: RawSample | RejectReason, index: int) -> None:
        reason = sample if isinstance(sample, RejectReason) else self._place(sample, index)
        if reason is not None:
            self._rejected[reason] += 1

    def _place(self, sample: RawSample, index: int) -> RejectReason | None:
        target = self._schema.resolve(sample.family, sample.labels)
        if target is None or isinstance(target, RejectReason):
            return target
        metric, pairs = target.metric, target.pairs
        if metric.type is MetricType.COUNTER and self.values[index].startswith("-"):
            return RejectReason.NEGATIVE_COUNTER
        if (metric, pairs) in self.series:
            return RejectReason.DUPLICATE
        if len(self.series) >= self._limits.series:
            return RejectReason.TOO_MANY_SERIES
        self.series.add((metric, pairs))
        # Samples of one device share these.
        chosen = self._chosen.setdefault(target.chosen, target.chosen)
        others = self._texts.setdefault(target.pairs_of_others, target.pairs_of_others)
        target = target._replace(chosen=chosen, pairs_of_others=others)
        self._groups.setdefault(metric, []).append((target, index))
        return None


def _group(samples: Sequence[tuple[Target, int]]) -> Group:
    targets = [target for target, _ in samples]
    first = targets[0]
    wavers = tuple(target.item.wavers for target in targets)
    return Group(
        first.metric,
        first.convert,
        tuple(target.pairs for target in targets),
        _picker([index for _, index in samples]),
        chosen=tuple(target.chosen for target in targets) if first.chosen else (),
        pairs_of_others=tuple(target.pairs_of_others for target in targets) if first.chosen else (),
        wavers=wavers if any(wavers) else (),
    )


def _picker(indices: Sequence[int]) -> Pick:
    if len(indices) == 1:
        # An itemgetter of one index would give the value and not a sequence of one.
        return itemgetter(slice(indices[0], indices[0] + 1))
    return itemgetter(*indices)
