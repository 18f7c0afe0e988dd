"""Layouts: what a skeleton decides, and when it does."""

import pytest

from kata_exporter.guest.layout import Layout, lay_out
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.rejects import GuestTextError, RejectReason
from kata_exporter.guest.scanner import split_values
from kata_exporter.guest.schema import schema_for

SCHEMA = schema_for("")
GOOD = 'kata_guest_load{item="load1"} 1\n'


def _lay_out(text: str, limits: Limits | None = None) -> tuple[Layout, list[str]]:
    return lay_out(*split_values(text), SCHEMA, limits or Limits())


def _values(layout: Layout, values: list[str]) -> dict[str, list[str]]:
    return {
        f"{group.metric.name}{{{pairs}}}": list(group.convert(group.pick(values)))[
            index : index + 1
        ]
        for group in layout.groups
        for index, pairs in enumerate(group.pairs)
    }


def test_samples_are_grouped_by_metric_in_the_schemas_order() -> None:
    layout, values = _lay_out(
        "kata_agent_threads 6\n"
        'kata_guest_netdev_stat{interface="b",item="recv_bytes"} 2\n'
        'kata_guest_netdev_stat{interface="a",item="recv_bytes"} 1\n'
        'kata_guest_cpu_time{cpu="0",item="user"} 4420\n'
    )

    assert _values(layout, values) == {
        'kata_guest_cpu_seconds_total{cpu="0",mode="user"}': ["4.42"],
        'kata_guest_network_receive_bytes_total{device="b"}': ["2"],
        'kata_guest_network_receive_bytes_total{device="a"}': ["1"],
        "kata_guest_agent_threads{}": ["6"],
    }
    assert list(_values(layout, values)) == [
        'kata_guest_cpu_seconds_total{cpu="0",mode="user"}',
        'kata_guest_network_receive_bytes_total{device="b"}',
        'kata_guest_network_receive_bytes_total{device="a"}',
        "kata_guest_agent_threads{}",
    ]
    assert layout.samples == 4
    assert layout.reusable


def test_comments_and_empty_lines_are_no_rejections() -> None:
    layout, _ = _lay_out(f"# HELP up forged 1\n# TYPE up gauge\n\n#\n{GOOD}# EOF\n")

    assert not layout.rejected
    assert layout.reusable


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("up 1", RejectReason.UNKNOWN_FAMILY),
        ('kata_guest_load{item="load2"} 1', RejectReason.UNKNOWN_ITEM),
        ('kata_guest_load{item="load5",pod="x"} 1', RejectReason.UNKNOWN_LABEL),
        ('kata_guest_load{item="load1"} 2', RejectReason.DUPLICATE),
    ],
)
def test_line_that_the_schema_drops_leaves_a_layout_reusable(
    line: str, reason: RejectReason
) -> None:
    layout, _ = _lay_out(f"{GOOD}{line}\n")

    assert layout.rejected == {reason: 1}
    assert layout.samples == 1
    assert layout.reusable


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("!", RejectReason.BAD_SYNTAX),
        ("! 1", RejectReason.BAD_SYNTAX),
        ("kata_agent_threads NaN", RejectReason.BAD_NUMBER),
        ("kata_agent_threads 1e999", RejectReason.BAD_NUMBER),
        ("kata_agent_threads 1 1", RejectReason.TIMESTAMP),
        ("kata_agent_threads 1 -1", RejectReason.TIMESTAMP),
        ("kata_agent_total_time -1", RejectReason.NEGATIVE_COUNTER),
        ('kata_guest_load{item=""} 1', RejectReason.BAD_LABEL),
        ("a" * 4095 + " 1", RejectReason.LINE_TOO_LONG),
        ("a" * 4097, RejectReason.LINE_TOO_LONG),
        ("#" * 4097, RejectReason.LINE_TOO_LONG),
        ("#" * 4095 + " 1", RejectReason.LINE_TOO_LONG),
        ("a{" + ",".join(f'l{i}="x"' for i in range(9)) + "} 1", RejectReason.TOO_MANY_LABELS),
    ],
)
def test_line_that_its_value_may_save_makes_a_layout_its_own(
    line: str, reason: RejectReason
) -> None:
    layout, _ = _lay_out(f"{GOOD}{line}\n")

    assert layout.rejected == {reason: 1}
    assert layout.samples == 1
    assert not layout.reusable


def test_number_that_is_not_plain_is_kept_and_brought_to_canonical_form() -> None:
    layout, values = _lay_out("kata_agent_threads 6e0\nkata_agent_total_rss 5\n")

    assert _values(layout, values) == {
        "kata_guest_agent_resident_memory_bytes{}": ["5"],
        "kata_guest_agent_threads{}": ["6"],
    }
    assert not layout.reusable


def test_gauge_may_be_negative_and_a_counter_minus_zero() -> None:
    layout, values = _lay_out("kata_agent_threads -6\nkata_agent_total_time -0\n")

    assert _values(layout, values) == {
        "kata_guest_agent_cpu_seconds_total{}": ["0"],
        "kata_guest_agent_threads{}": ["-6"],
    }


def test_labels_in_another_order_are_the_same_series() -> None:
    layout, values = _lay_out(
        'kata_guest_netdev_stat{interface="a",item="recv_bytes"} 1\n'
        'kata_guest_netdev_stat{item="recv_bytes",interface="a"} 2\n'
    )

    assert layout.rejected == {RejectReason.DUPLICATE: 1}
    assert list(_values(layout, values).values()) == [["1"]]


def test_series_beyond_the_limit_are_dropped() -> None:
    text = "".join(
        f'kata_guest_netdev_stat{{interface="e{i}",item="recv_bytes"}} 1\n' for i in range(5)
    )

    layout, _ = _lay_out(text, Limits(series=3))

    assert layout.samples == 3
    assert layout.rejected == {RejectReason.TOO_MANY_SERIES: 2}


@pytest.mark.parametrize("line", ["a 1\n", "\n", "# x\n", "a x\n"])
def test_text_of_too_many_lines_is_refused(line: str) -> None:
    with pytest.raises(GuestTextError) as caught:
        _lay_out(GOOD + 4 * line, Limits(lines=4))

    assert caught.value.reason is RejectReason.TOO_MANY_LINES
    assert _lay_out(GOOD + 3 * line, Limits(lines=4))[0].samples == 1


@pytest.mark.parametrize(
    "text", ["\n", "up 1\n", "# HELP x\n", "\x00\n", 'kata_guest_load{item="x"} 1\n']
)
def test_text_without_a_usable_sample_is_refused(text: str) -> None:
    with pytest.raises(GuestTextError) as caught:
        _lay_out(text)

    assert caught.value.reason is RejectReason.NOTHING_USABLE


def test_long_text_is_read_and_not_kept() -> None:
    layout, _ = _lay_out(GOOD, Limits(layout_characters=10))

    assert layout.samples == 1
    assert not layout.reusable


def test_line_whose_length_depends_on_its_value_is_not_kept() -> None:
    mount = 'kata_guest_filesystem_bytes{device="v",item="used",mount="/"}'
    limits = Limits(line_characters=len(mount) + 10)

    short, _ = _lay_out(f"{mount} 1\n{GOOD}", limits)
    long, _ = _lay_out(f"{mount} {10**15}\n{GOOD}", limits)

    assert (short.samples, short.reusable) == (2, False)
    assert (long.samples, long.reusable) == (1, False)


def test_size_grows_with_the_skeleton() -> None:
    small, _ = _lay_out(GOOD)
    large, _ = _lay_out(GOOD + "# " + "x" * 1000 + "\n")

    assert large.size > small.size + 1000
    assert small.size > len(GOOD)
