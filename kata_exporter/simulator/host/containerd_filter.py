r"""Filters of containerd's event stream, in the syntax of its package ``pkg/filters``.

    filter   := selector ("," selector)*       all of them must match; an empty filter always does
    selector := path [operator value]          without an operator: the field is there
    path     := field ("." field)*             namespace, topic, event.container_id, event.id
    operator := "==" | "!=" | "~="             "~=" looks for a regular expression anywhere
    value    := "quoted" | bare                with "~=" also /quoted/ or |quoted|

A bare value can't start with a quote, and a slash is one: ``topic==/tasks/oom`` is refused, as by
containerd. Left out are the numeric escapes in quoted text; regular expressions are Python's.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

Lookup: TypeAlias = Callable[[Sequence[str]], str | None]
"""Gives the value of a field by its path; None where there is none."""

Filter: TypeAlias = Callable[[Lookup], bool]

_SPACE = r"\s*"
_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_ALSO_QUOTED = r"/(?:[^/\\\n]|\\.)*/|\|(?:[^|\\\n]|\\.)*\|"
_FIELD = rf"(?:[A-Za-z0-9_]+|{_QUOTED})"
_SELECTOR = re.compile(
    rf"{_SPACE}(?P<path>{_FIELD}(?:{_SPACE}\.{_SPACE}{_FIELD})*){_SPACE}"
    rf"(?:(?P<operator>==|!=|~=){_SPACE}"
    rf'(?P<value>{_QUOTED}|{_ALSO_QUOTED}|[^\s,."/|=!~][^\s,]*){_SPACE})?'
    r"(?P<end>,|\Z)",
    re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


class FilterError(ValueError):
    """A filter that containerd would refuse; the text shows where."""


def parse_filter(text: str) -> Filter:
    """Read a filter.

    Raises:
        FilterError: it can't be read.
    """
    selectors: list[Filter] = []
    position = 0
    more = bool(text)
    while more:
        match = _SELECTOR.match(text, position)
        if match is None:
            raise FilterError(f"filters: parse error: [{text[:position]} >|{text[position:]}|<]")
        selectors.append(_selector(match))
        position = match.end()
        more = match["end"] == ","
    return lambda lookup: all(selector(lookup) for selector in selectors)


def _selector(match: re.Match[str]) -> Filter:
    path = tuple(_unquoted(field) for field in re.findall(_FIELD, match["path"]))
    if match["operator"] is None:
        return lambda lookup: lookup(path) is not None
    value = match["value"]
    is_alternate = value[0] in "/|"
    if match["operator"] == "~=":
        return _expression(path, _unquoted(value))
    if is_alternate:
        raise FilterError(f'filters: parse error: {value}: put it in "quotes"')
    wanted = _unquoted(value)
    if match["operator"] == "==":
        return lambda lookup: lookup(path) == wanted
    return lambda lookup: lookup(path) != wanted


def _expression(path: Sequence[str], text: str) -> Filter:
    try:
        expression = re.compile(text)
    except re.error:
        # As in containerd, where it is compiled only to match.
        return lambda _: False
    return lambda lookup: expression.search(lookup(path) or "") is not None


def _unquoted(text: str) -> str:
    quote = text[0]
    if quote not in '"/|':
        return text

    def unescaped(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped in {"\\", quote}:
            return escaped
        if escaped not in _ESCAPED:
            raise FilterError(f"filters: parse error: {text}: illegal escape {match[0]}")
        return _ESCAPED[escaped]

    return _ESCAPE.sub(unescaped, text[1:-1])
