"""A page taken apart into its families."""

import re
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_COMMENT = re.compile(r"^# (HELP|TYPE) (\S+) (.*)$", re.MULTILINE)
_OF_HISTOGRAMS = ("_bucket", "_sum", "_count")


@dataclass
class OnPage:
    """A family as a page has it."""

    help: str = ""
    type: str = ""
    labels: set[tuple[str, ...]] = field(default_factory=set)
    """Label keys of its samples; ``le`` belongs to the type and not to the family."""


def page_families(page: str) -> dict[str, OnPage]:
    """Return what a page has, by the name in its TYPE line."""
    families: dict[str, OnPage] = {}
    for kind, name, text in _COMMENT.findall(page):
        setattr(families.setdefault(name, OnPage()), kind.lower(), text)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            on_page = families[_name(sample.name, families)]
            on_page.labels.add(tuple(key for key in sample.labels if key != "le"))
    return families


def _name(sample: str, families: dict[str, OnPage]) -> str:
    for suffix in _OF_HISTOGRAMS:
        base = sample.removesuffix(suffix)
        if base != sample and base in families and families[base].type == "histogram":
            return base
    return sample
