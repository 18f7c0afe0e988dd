"""How much of a guest's text is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one text. A guest of 2 vCPUs sends 18 KB, 390 lines and 355 samples.

    Args:
        text_bytes: size of the text in UTF-8; more refuses the text.
        lines: lines of the text, comments included; more refuses the text.
        line_characters: length of a line; a longer one is dropped.
        labels: labels of a sample; one with more is dropped.
        label_characters: length of a label value; a sample with a longer one is dropped.
        series: series of one sandbox; those beyond are dropped.
        layout_characters: length of a text whose layout is remembered; a longer text is scanned
            anew each time, so that what is kept per sandbox stays small.
    """

    text_bytes: int = 1 << 20
    lines: int = 20_000
    line_characters: int = 4096
    labels: int = 8
    label_characters: int = 256
    series: int = 5000
    layout_characters: int = 128 << 10


DEFAULT_LIMITS = Limits()
