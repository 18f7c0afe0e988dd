"""A page in OpenMetrics: other headers, the same lines, an end."""

from kata_exporter.catalog import all_metrics
from kata_exporter.exposition import render, render_openmetrics
from kata_exporter.exposition.openmetrics import family_name
from kata_exporter.metrics import Chunk, Metric, MetricType, Scope, Shape, sample_prefix
from page_parsers import assert_parsers_agree, by_client

LOAD = Metric("kata_guest_load1", 'Load, a \\ and "more".', MetricType.GAUGE, Scope.SANDBOX)
KILLS = Metric("kata_guest_oom_kills_total", "Kills.", MetricType.COUNTER, Scope.SANDBOX)
FAULTS = Metric("kata_guest_vmstat_pgfault", "Faults.", MetricType.UNTYPED, Scope.SANDBOX)


def chunk(metric: Metric, sandbox: str, value: str) -> Chunk:
    return Shape(metric, (sample_prefix(metric.name, f'sandbox_id="{sandbox}"'),)).chunk([value])


CHUNKS = [
    chunk(LOAD, "a", "1"),
    chunk(KILLS, "a", "18446744073709551615"),
    chunk(FAULTS, "a", "5"),
    chunk(LOAD, "b", "NaN"),
]


def test_headers_are_the_formats_and_lines_stay_as_they_are() -> None:
    assert render_openmetrics(CHUNKS).decode() == (
        '# HELP kata_guest_load1 Load, a \\\\ and \\"more\\".\n'
        "# TYPE kata_guest_load1 gauge\n"
        'kata_guest_load1{sandbox_id="a"} 1\n'
        'kata_guest_load1{sandbox_id="b"} NaN\n'
        "# HELP kata_guest_oom_kills Kills.\n"
        "# TYPE kata_guest_oom_kills counter\n"
        'kata_guest_oom_kills_total{sandbox_id="a"} 18446744073709551615\n'
        "# HELP kata_guest_vmstat_pgfault Faults.\n"
        "# TYPE kata_guest_vmstat_pgfault unknown\n"
        'kata_guest_vmstat_pgfault{sandbox_id="a"} 5\n'
        "# EOF\n"
    )


def test_both_parsers_read_what_they_read_in_the_text_format() -> None:
    page = render_openmetrics(CHUNKS)

    assert_parsers_agree(page, is_openmetrics=True)
    assert by_client(page, is_openmetrics=True) == by_client(render(CHUNKS))


def test_nothing_to_show_is_a_page_with_an_end() -> None:
    assert render_openmetrics([]) == b"# EOF\n"


def test_families_that_are_rendered_already_bring_the_end() -> None:
    own = b"# TYPE x gauge\nx 1\n# EOF\n"

    assert render_openmetrics(CHUNKS[:1], end=own).count(b"# EOF\n") == 1


def test_no_family_shares_its_name_with_another_in_this_format() -> None:
    names = [family_name(metric) for metric in all_metrics()]

    assert len(set(names)) == len(names)
