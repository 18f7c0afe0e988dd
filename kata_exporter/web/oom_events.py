"""``/api/v1/oom-events``: the last OOMs, chosen by query."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from multidict import MultiMapping

from kata_exporter.config.words import quoted
from kata_exporter.model import OomKind, OomRecord
from kata_exporter.oom.journal import MAX_RECORDS, OomFilter
from kata_exporter.web.problem import Problem

OOM_EVENTS_PATH = "/api/v1/oom-events"

TEXTS = ("namespace", "pod", "container", "sandbox_id", "source")
"""Parameters that are compared as they are."""
PARAMETERS = (*TEXTS, "kind", "since", "limit")
MAX_SINCE = 2**40


class OomEvents(Protocol):
    """Who has them."""

    def find(self, wanted: OomFilter) -> Iterator[OomRecord]:
        """Yield the last OOMs, the newest first."""


def oom_events_json(events: OomEvents, query: MultiMapping[str]) -> dict[str, Any]:
    """Return what a query asks for, the newest first.

    Raises:
        Problem: a parameter isn't known, is given twice, or has a value that can't be.
    """
    return {"oom_events": [_record(record) for record in events.find(_parsed(query))]}


def _parsed(query: MultiMapping[str]) -> OomFilter:
    for name in query:
        if name not in PARAMETERS:
            raise _bad(f"there is no parameter {quoted(name)}; there are {', '.join(PARAMETERS)}")
        if len(query.getall(name)) > 1:
            raise _bad(f"{name} is given more than once")
    texts = {name: query.get(name) for name in TEXTS}
    kind = _kind(query.get("kind"))
    since = _number("since", query.get("since"), 0, MAX_SINCE)
    limit = _number("limit", query.get("limit"), 1, MAX_RECORDS)
    return OomFilter(
        **texts,
        kind=kind,
        since=None if since is None else float(since),
        limit=MAX_RECORDS if limit is None else limit,
    )


def _kind(text: str | None) -> OomKind | None:
    if text is None:
        return None
    try:
        return OomKind(text)
    except ValueError:
        raise _bad(f"kind: there is no {quoted(text)}; there are {', '.join(OomKind)}") from None


def _number(name: str, text: str | None, least: int, most: int) -> int | None:
    if text is None:
        return None
    is_short_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_short_number or not least <= int(text) <= most:
        raise _bad(f"{name}: {quoted(text)} is no whole number from {least} to {most}")
    return int(text)


def _bad(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, detail)


def _record(record: OomRecord) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(record.time, UTC).isoformat(timespec="milliseconds"),
        "kind": record.kind,
        "source": record.source,
        "sandbox_id": record.sandbox_id,
        "namespace": record.pod.namespace,
        "pod": record.pod.name,
        "container": record.container,
        "container_id": record.container_id,
        "kills": record.kills,
        "working_set_bytes": record.working_set_bytes,
        "limit_bytes": record.limit_bytes,
    }
