"""Why a line of a guest's text, or the whole of it, is not taken."""

from enum import StrEnum

from kata_exporter.errors import KataExporterError


class RejectReason(StrEnum):
    """A closed set: the label ``reason`` of a counter rests on it, so no guest can add to it."""

    UNKNOWN_FAMILY = "unknown_family"
    """A name that isn't in the schema."""
    UNKNOWN_ITEM = "unknown_item"
    """A name that is, with an item that isn't."""
    UNKNOWN_LABEL = "unknown_label"
    """Label keys other than the family's: forged identity, ``le``, ``__name__``, or one too few."""
    BAD_SYNTAX = "bad_syntax"
    """Not ``family{key="value"} number``: exemplars, OpenMetrics, binary."""
    BAD_LABEL = "bad_label"
    """A label value that is empty, too long, not printable or not of its shape, or a key twice."""
    BAD_NUMBER = "bad_number"
    """Not a finite decimal number in ASCII."""
    NEGATIVE_COUNTER = "negative_counter"
    """A counter below zero."""
    TIMESTAMP = "timestamp"
    """A sample with a time of its own; only the exporter's clock counts."""
    DUPLICATE = "duplicate"
    """A series for the second time; the first is kept."""
    LINE_TOO_LONG = "line_too_long"
    """A line over `Limits.line_characters`."""
    TOO_MANY_LABELS = "too_many_labels"
    """A sample with more labels than `Limits.labels`."""
    TOO_MANY_SERIES = "too_many_series"
    """A series beyond `Limits.series`, or beyond what one container may have."""
    LABEL_OVERFLOW = "label_overflow"
    """A sample that came under `OTHER`, since there was no room for a value that the guest chose."""
    TOO_MANY_RESETS = "too_many_resets"
    """A counter that fell, where as many have fallen as may (`falling.MAX_RESETS`)."""
    TOO_MANY_LINES = "too_many_lines"
    """A text of more lines than `Limits.lines`; refused whole."""
    TEXT_TOO_LARGE = "text_too_large"
    """A text over `Limits.text_bytes`; refused whole."""
    BAD_ENCODING = "bad_encoding"
    """A text that is no Unicode; refused whole."""
    NOTHING_USABLE = "nothing_usable"
    """A text without a single sample that the schema knows; refused whole."""


class GuestTextError(KataExporterError):
    """A guest's text is refused whole.

    ``reason`` says why. The text of the guest is never part of the message.
    """

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(f"the guest's metrics text is refused: {reason}")
        self.reason = reason
