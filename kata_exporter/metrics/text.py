"""Escaping and prefixes of sample lines in the text format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable

_LABEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def escape_label_value(value: str) -> str:
    r"""Escape backslash, double quote and line feed: all that a label value needs."""
    return value.translate(_LABEL_ESCAPES)


def escape_help(text: str) -> str:
    r"""Escape backslash and line feed: all that a HELP text needs."""
    return text.translate(_HELP_ESCAPES)


def label_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Render ``a="x",b="y"``, without braces; values are escaped, names are trusted."""
    return ",".join(f'{name}="{escape_label_value(value)}"' for name, value in pairs)


def sample_prefix(metric_name: str, *pair_texts: str) -> str:
    """Render what stands before a value: ``name{pairs} ``; empty pair texts are passed over."""
    return f"{metric_name}{{{','.join(text for text in pair_texts if text)}}} "
