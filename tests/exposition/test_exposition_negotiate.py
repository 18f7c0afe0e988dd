"""The format is the one that the scraper prefers, of those that there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.exposition import PageFormat, negotiate

TEXT, OPENMETRICS = PageFormat.TEXT, PageFormat.OPENMETRICS

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("application/json", TEXT),
        (PROMETHEUS, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        # Versions are clamped: newer and older ones are given ours.
        ("application/openmetrics-text;version=2.0.0", OPENMETRICS),
        ("application/openmetrics-text;version=9.9.9", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", OPENMETRICS),
        ("application/openmetrics-text;version=1", OPENMETRICS),
        ("application/openmetrics-text;version=one", TEXT),
        ("application/openmetrics-text;version=", TEXT),
        # Qualities are held, whatever the order.
        ("text/plain;q=0.9, application/openmetrics-text;q=0.1", TEXT),
        ("application/openmetrics-text;q=0.1, text/plain;q=0.9", TEXT),
        ("text/plain;q=0.1, application/openmetrics-text;q=0.9", OPENMETRICS),
        ("text/plain;q=0.5, application/openmetrics-text;q=0.5", OPENMETRICS),
        ("application/openmetrics-text;q=0.1, */*;q=0.9", TEXT),
        ("application/openmetrics-text;q=0.1, text/*;q=0.9", TEXT),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.1, */*;q=0.9", OPENMETRICS),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=0.000, text/plain;q=0", TEXT),
        (
            "application/openmetrics-text;q=0.1, application/openmetrics-text;q=0.8,*/*;q=0.5",
            OPENMETRICS,
        ),
        # What is no quality asks for nothing.
        ("application/openmetrics-text;q=2", TEXT),
        ("application/openmetrics-text;q=-1", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        ("application/openmetrics-text;q=", TEXT),
        ("application/openmetrics-text;q=0.1234", TEXT),
        # A wildcard names no format.
        ("application/*", TEXT),
        (",;,=;q,", TEXT),
    ],
)
def test_format(accept: str, chosen: PageFormat) -> None:
    assert negotiate(accept) is chosen


@given(st.text(alphabet='aplictonmers-x/*;,=q.0123456789 \t"', max_size=200))
def test_any_header_gets_one_of_the_formats(accept: str) -> None:
    assert negotiate(accept) in PageFormat


def test_content_types_tell_the_versions_that_there_are() -> None:
    assert TEXT.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert OPENMETRICS.content_type == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    )
