"""The query of ``/metrics``: what of the page is asked for.

Names are only ever looked up among those that are known. A wrong one is an error and never an empty
page, which would look like a node without sandboxes.
"""

from collections.abc import Collection, Mapping, Sequence

from multidict import MultiMapping

from kata_exporter.config.words import nearest, quoted
from kata_exporter.exposition import Choices, Selection

COLLECT = "collect[]"
EXCLUDE = "exclude[]"
NAME = "name[]"
SANDBOX = "sandbox"

MAX_VALUES = 100
"""Of one parameter."""

MAX_IDS_SHOWN = 10
"""Ids of sandboxes that an error lists."""


class QueryError(ValueError):
    """A query asks for what there isn't; the text says what there is. It is of bounded length."""


def has_selection(query: MultiMapping[str]) -> bool:
    """Whether a query selects anything; parameters that aren't ours are passed over."""
    return any(parameter in query for parameter in (COLLECT, EXCLUDE, NAME, SANDBOX))


def parse_selection(query: MultiMapping[str], choices: Choices) -> Selection:
    """Return what a query asks for.

    Raises:
        QueryError: it asks for what there isn't, or for too much at once.
    """
    return Selection(
        _collectors(query, choices.collectors),
        _metrics(_values(query, NAME), choices.metrics),
        _sandboxes(_values(query, SANDBOX), choices.sandboxes),
    )


def _values(query: MultiMapping[str], parameter: str) -> Sequence[str]:
    values = query.getall(parameter, [])
    if len(values) > MAX_VALUES:
        raise QueryError(
            f"{parameter} is given {len(values)} times, where {MAX_VALUES} are allowed: leave some"
            " out, or select less narrowly"
        )
    return values


def _collectors(query: MultiMapping[str], known: Mapping[str, bool]) -> frozenset[str] | None:
    collect, exclude = _values(query, COLLECT), _values(query, EXCLUDE)
    if collect and exclude:
        raise QueryError(f"{COLLECT} and {EXCLUDE} don't go together: leave one of them out")
    for parameter, values in ((COLLECT, collect), (EXCLUDE, exclude)):
        for value in values:
            _require_collector(parameter, value, known)
    if collect:
        return frozenset(collect)
    return frozenset(known).difference(exclude) if exclude else None


def _require_collector(parameter: str, value: str, known: Mapping[str, bool]) -> None:
    if value not in known:
        there = ", ".join(known)
        raise QueryError(
            f"{parameter}: there is no collector {quoted(value)}; the collectors are {there}"
        )
    if not known[value] and parameter == COLLECT:
        on = ", ".join(name for name, is_on in known.items() if is_on) or "none"
        raise QueryError(f"{parameter}: collector {value} is switched off; switched on: {on}")


def _metrics(values: Sequence[str], known: Mapping[str, str]) -> frozenset[str] | None:
    for value in values:
        if value not in known:
            hint = nearest(value, known) or "; the page without parameters shows those there are"
            raise QueryError(f"{NAME}: there is no metric {quoted(value)}{hint}")
    return frozenset(known[value] for value in values) if values else None


def _sandboxes(values: Sequence[str], known: Collection[str]) -> frozenset[str] | None:
    for value in values:
        if value not in known:
            shown = sorted(known)[:MAX_IDS_SHOWN]
            there = f"; known: {', '.join(shown)}" if shown else "; none is known"
            more = len(known) - len(shown)
            rest = f" and {more} more, which /api/v1/sandboxes lists" if more else ""
            raise QueryError(f"{SANDBOX}: no sandbox {quoted(value)} is known{there}{rest}")
    return frozenset(values) if values else None
