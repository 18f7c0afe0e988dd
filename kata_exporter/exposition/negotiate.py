"""Which format a page has: what the scraper's Accept header prefers, of those that there are.

https://www.rfc-editor.org/rfc/rfc9110#name-accept. A version is never echoed: whoever asks for a
newer one of a format gets the newest that there is.
"""

import re
from enum import Enum

_OPENMETRICS = "application/openmetrics-text"
_TEXT_RANGES = ("text/plain", "text/*", "*/*")  # the most specific first

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_VERSION = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}")


class PageFormat(Enum):
    """Formats of pages; the values are their media types."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def content_type(self) -> str:
        """The media type of a page."""
        return self.value


def negotiate(accept: str) -> PageFormat:
    """Choose the format by an Accept header; "" for none.

    OpenMetrics is given to who names it, unless text is preferred to it. Who takes neither gets
    text.
    """
    qualities: dict[str, float] = {}
    for item in accept.split(","):
        media, quality = _read(item)
        qualities[media] = max(quality, qualities.get(media, 0.0))
    openmetrics = qualities.get(_OPENMETRICS, 0.0)
    text = next((qualities[media] for media in _TEXT_RANGES if media in qualities), 0.0)
    if openmetrics > 0 and openmetrics >= text:
        return PageFormat.OPENMETRICS
    return PageFormat.TEXT


def _read(item: str) -> tuple[str, float]:
    """Return media range and quality of an item; what can't be read has quality 0."""
    media, *parameters = item.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "q":
            quality = float(value) if _QUALITY.fullmatch(value) else 0.0
        elif name == "version" and not _VERSION.fullmatch(value):
            return media.strip().lower(), 0.0
    return media.strip().lower(), quality
