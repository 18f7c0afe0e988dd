"""Properties of reading a guest's text, whatever the guest says."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from guest_texts import LIMITS, heads, likely_heads, numbers, plain, texts
from kata_exporter.exposition.text import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader, GuestReading
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.schema import GUEST_METRICS, schema_for

IDENTITY_LABELS = {"sandbox_id": 'de"mo\\', "namespace": "shop", "pod": "web-0"}
IDENTITY = r'sandbox_id="de\"mo\\",namespace="shop",pod="web-0"'
BY_NAME = {metric.name: metric for metric in GUEST_METRICS}


def _reader(layouts: LayoutCache | None = None) -> GuestReader:
    cache = LayoutCache() if layouts is None else layouts
    return GuestReader(IDENTITY, schema_for(""), limits=LIMITS, layouts=cache)


def _read(reader: GuestReader, text: str) -> GuestReading | RejectReason:
    try:
        return reader.read(text, 0.0)
    except GuestTextError as error:
        return error.reason


def _seen(result: GuestReading | RejectReason) -> object:
    """Return all of a result that others see."""
    if isinstance(result, RejectReason):
        return result
    return render(result.chunks), dict(result.rejected), result.samples


def _assert_only_ours(result: GuestReading | RejectReason) -> None:
    if isinstance(result, RejectReason):
        return
    count = 0
    for family in text_string_to_metric_families(render(result.chunks).decode()):
        for sample in family.samples:
            metric = BY_NAME[sample.name]
            count += 1
            assert sample.timestamp is None
            assert list(sample.labels) == [*IDENTITY_LABELS, *metric.labels]
            assert sample.labels.items() >= IDENTITY_LABELS.items()
            assert abs(sample.value) < float("inf")
            assert sample.value >= 0 or metric.type != "counter"
    assert count == result.samples > 0


@settings(max_examples=400)
@given(texts)
@example("kata_agent_threads 1\n# \ud800")
@example('kata_guest_netdev_stat{interface="a\\"b\\\\",item="recv_bytes"} 1')
def test_any_text_gives_a_reading_of_ours_only_or_our_error(text: str) -> None:
    _assert_only_ours(_read(_reader(), text))


@given(st.binary(max_size=300))
def test_any_bytes_do_as_well(raw: bytes) -> None:
    _assert_only_ours(_read(_reader(), raw.decode(errors="surrogateescape")))


@settings(max_examples=400)
@given(st.lists(heads, min_size=1, max_size=10), st.data())
def test_fast_path_gives_what_the_slow_one_gives(
    some_heads: list[str], data: st.DataObject
) -> None:
    """Rounds of one layout, now and then with a value that needs the slow path."""
    layouts = LayoutCache()
    reader = _reader(layouts)
    for _ in range(4):
        values = st.one_of(plain, plain, plain, numbers)
        text = "\n".join(f"{head} {data.draw(values)}" for head in some_heads)

        assert _seen(_read(reader, text)) == _seen(_read(_reader(), text))
        assert _seen(_read(_reader(layouts), text)) == _seen(_read(_reader(), text))


@given(
    st.lists(st.tuples(likely_heads, plain), min_size=1, max_size=8, unique_by=lambda line: line[0])
)
def test_valid_text_keeps_the_values_that_a_parser_sees(pairs: list[tuple[str, str]]) -> None:
    text = "".join(f"{head} {value}\n" for head, value in pairs)
    theirs = sorted(
        float(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in {"kata_guest_load", "kata_agent_total_time"}
    )
    result = _read(_reader(), text)

    if isinstance(result, RejectReason):
        assert not theirs
        return
    ours = sorted(
        float(value)
        for chunk in result.chunks
        if re.fullmatch(r"kata_guest_(load\d+|agent_cpu_seconds_total)", chunk.metric.name)
        for value in chunk.values
    )
    assert ours == theirs
