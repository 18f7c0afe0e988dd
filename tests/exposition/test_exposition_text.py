"""A page has each family's HELP and TYPE once, and the lines of all sandboxes under it."""

from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.exposition import render
from kata_exporter.metrics import Chunk, Metric, MetricType, Scope, Shape, sample_prefix

LOAD = Metric("kata_guest_load1", "Load, a \\ and more.", MetricType.GAUGE, Scope.SANDBOX)
KILLS = Metric("kata_guest_oom_kills_total", "Kills.", MetricType.COUNTER, Scope.SANDBOX)


def chunk(metric: Metric, sandbox: str, value: str) -> Chunk:
    return Shape(metric, (sample_prefix(metric.name, f'sandbox_id="{sandbox}"'),)).chunk([value])


def test_families_are_grouped_over_sandboxes() -> None:
    page = render(
        [
            chunk(LOAD, "a", "1"),
            chunk(KILLS, "a", "2"),
            chunk(LOAD, "b", "3"),
            chunk(KILLS, "b", "4"),
        ]
    )

    assert page.decode() == (
        "# HELP kata_guest_load1 Load, a \\\\ and more.\n"
        "# TYPE kata_guest_load1 gauge\n"
        'kata_guest_load1{sandbox_id="a"} 1\n'
        'kata_guest_load1{sandbox_id="b"} 3\n'
        "# HELP kata_guest_oom_kills_total Kills.\n"
        "# TYPE kata_guest_oom_kills_total counter\n"
        'kata_guest_oom_kills_total{sandbox_id="a"} 2\n'
        'kata_guest_oom_kills_total{sandbox_id="b"} 4\n'
    )


def test_a_parser_of_others_reads_the_same_values() -> None:
    page = render([chunk(LOAD, "a", "1.5"), chunk(KILLS, "a", "18446744073709551615")]).decode()

    samples = {s.name: s.value for f in text_string_to_metric_families(page) for s in f.samples}

    assert samples == {"kata_guest_load1": 1.5, "kata_guest_oom_kills_total": 2**64 - 1}


def test_nothing_to_show_is_an_empty_page() -> None:
    assert render([]) == b""


def test_what_is_rendered_already_stands_at_the_end() -> None:
    page = render([chunk(LOAD, "a", "1")], end=b"python_info 1\n")

    assert page == render([chunk(LOAD, "a", "1")]) + b"python_info 1\n"
