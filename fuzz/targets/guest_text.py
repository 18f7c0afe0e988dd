"""Texts of a hostile guest, one after the other, as a guest's rounds are; NUL parts them."""

from fuzz.published import assert_sound
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.rejects import GuestTextError
from kata_exporter.guest.schema import schema_for

_LIMITS = Limits(text_bytes=1 << 16, lines=500, series=200)
_MOST_ROUNDS = 6


def try_one(data: bytes) -> None:
    """Every round gives samples of ours alone, no more than the caps, or the text is refused."""
    reader = GuestReader("", schema_for("4.1.0"), limits=_LIMITS, layouts=LayoutCache())
    for number, part in enumerate(data.split(b"\0", _MOST_ROUNDS)):
        text = part.decode(errors="surrogateescape")
        for again in range(2):
            try:
                reading = reader.read(text, number * 600.0 + again)
            except GuestTextError:
                break
            assert 0 <= reading.samples <= _LIMITS.series
            assert reading.samples == sum(len(chunk.values) for chunk in reading.chunks)
            assert_sound(reading.chunks)
