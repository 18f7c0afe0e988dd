"""The two parsers that a page has to pass: prometheus_client's, and Prometheus' own."""

import json
import math
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from peer_binary import PARSER, NotBuiltError, find

_LARGE_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class ParsedSample:
    """A sample as a parser reads it; NaN is None, so that equal samples are equal."""

    name: str
    labels: frozenset[tuple[str, str]]
    value: float | None
    exemplar: frozenset[tuple[str, str]] = frozenset()


def by_client(page: bytes, *, is_openmetrics: bool = False) -> list[ParsedSample]:
    """Read a page with prometheus_client; raises `ValueError` where it can't be read."""
    parse = openmetrics_families if is_openmetrics else text_string_to_metric_families
    families: Iterable[Metric] = parse(page.decode())
    return [
        ParsedSample(
            sample.name,
            frozenset(sample.labels.items()),
            _value(sample.value),
            frozenset(sample.exemplar.labels.items() if sample.exemplar else ()),
        )
        for family in families
        for sample in family.samples
    ]


def by_prometheus(
    pages: Sequence[bytes], *, is_openmetrics: bool = False
) -> list[list[ParsedSample]]:
    """Read pages with ``model/textparse`` of Prometheus.

    Raises:
        ValueError: one can't be read.
        NotBuiltError: the parser isn't there.
    """
    word = b" openmetrics" if is_openmetrics else b""
    said = b"".join(b"%d%s\n%s" % (len(page), word, page) for page in pages)
    run = subprocess.run([find(PARSER)], input=said, capture_output=True, check=True)
    return [_read(json.loads(line)) for line in run.stdout.splitlines()]


def need_prometheus() -> None:
    """Skip the test where Prometheus' parser can't be had, saying so."""
    try:
        find(PARSER)
    except NotBuiltError as reason:
        pytest.skip(str(reason))


def assert_parsers_agree(page: bytes, *, is_openmetrics: bool = False) -> None:
    """Have both parsers read a page alike; Prometheus' only where it can be had, as always in CI.

    A large page is read by Prometheus' alone: the other would take seconds.
    """
    theirs = None
    try:
        (theirs,) = by_prometheus([page], is_openmetrics=is_openmetrics)
    except NotBuiltError:
        assert os.environ.get("CI") != "true", "Prometheus' parser must be built here"
    if theirs is None or len(page) <= _LARGE_BYTES:
        ours = by_client(page, is_openmetrics=is_openmetrics)
        assert theirs is None or _sorted(theirs) == _sorted(ours)


def _read(answer: dict[str, object]) -> list[ParsedSample]:
    if "error" in answer:
        raise ValueError(answer["error"])
    found = answer["samples"]
    assert isinstance(found, list)
    for sample in found:
        assert "time" not in sample, "no page of ours has timestamps"
    return [
        ParsedSample(
            s["name"],
            frozenset(s["labels"].items()),
            _value(float(s["value"])),
            frozenset(s.get("exemplar", {}).items()),
        )
        for s in found
    ]


def _sorted(samples: Iterable[ParsedSample]) -> list[tuple[object, ...]]:
    return sorted((s.name, sorted(s.labels), repr(s.value), sorted(s.exemplar)) for s in samples)


def _value(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
