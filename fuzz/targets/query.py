"""Queries of ``/metrics``, as they come in a request's first line."""

from yarl import URL

from kata_exporter.exposition import Choices
from kata_exporter.web.query import QueryError, parse_selection

_CHOICES = Choices(
    collectors={"guest_metrics": True, "container_stats": False},
    metrics={"kata_sandbox_up": "kata_sandbox_up", "kata_guest_load1": "kata_guest_load1"},
    sandboxes={"web-0", "web-1"},
)
_MOST_ERROR_CHARACTERS = 4096


def try_one(data: bytes) -> None:
    """A query selects what there is, or gets an error that can be shown."""
    text = data.decode(errors="replace")
    try:
        query = URL(f"/metrics?{text}", encoded=True).query
    except ValueError:
        return
    try:
        selection = parse_selection(query, _CHOICES)
    except QueryError as error:
        assert len(str(error)) <= _MOST_ERROR_CHARACTERS
        assert str(error).isprintable()
        return
    assert (selection.collectors or frozenset()) <= set(_CHOICES.collectors)
    assert (selection.metrics or frozenset()) <= set(_CHOICES.metrics)
    assert (selection.sandboxes or frozenset()) <= set(_CHOICES.sandboxes)
