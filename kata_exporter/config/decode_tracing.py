"""The keys ``tracing.*``: from the file's tree to `TracingSettings`."""

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.keys import children
from kata_exporter.config.settings import TracingSettings

MAX_SLOW_SECONDS = 86_400.0
MIN_SPANS_PER_MINUTE = 60
MAX_SPANS_PER_MINUTE = 10_000_000


def decode_tracing(section: Cursor) -> TracingSettings:
    """Return the settings; problems go to the cursor's list, and defaults fill in."""
    values = section.table(children("tracing"))
    console, failed = values.get("console"), values.get("keep_failed")
    slower, spans = values.get("keep_slower_than"), values.get("max_spans_per_minute")
    seconds = per_minute = None
    if slower:
        seconds = slower.duration(at_least=0, at_most=MAX_SLOW_SECONDS)
    if spans:
        per_minute = spans.whole_number(at_least=MIN_SPANS_PER_MINUTE, at_most=MAX_SPANS_PER_MINUTE)
    keep_failed = failed.switch() if failed else None
    defaults = TracingSettings()
    return TracingSettings(
        console=(console.switch() if console else None) or False,
        keep_failed=defaults.keep_failed if keep_failed is None else keep_failed,
        keep_slower_than_seconds=defaults.keep_slower_than_seconds if seconds is None else seconds,
        max_spans_per_minute=per_minute or defaults.max_spans_per_minute,
    )
