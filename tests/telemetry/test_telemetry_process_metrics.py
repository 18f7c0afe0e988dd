"""Records of what prometheus-client tells of the process."""

from prometheus_client import CollectorRegistry, generate_latest

from kata_exporter.metrics import MetricType
from kata_exporter.telemetry.process_metrics import add_process_metrics, process_metrics


def test_records_say_what_the_page_says() -> None:
    registry = CollectorRegistry()
    add_process_metrics(registry)
    page = generate_latest(registry).decode()

    assert page.count("# TYPE ") == len(process_metrics())
    for metric in process_metrics():
        assert f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n" in page


def test_names_units_and_labels_are_those_of_every_python_process() -> None:
    records = {metric.name: metric for metric in process_metrics()}

    cpu = records["process_cpu_seconds_total"]
    assert (cpu.type, cpu.unit, cpu.labels) == (MetricType.COUNTER, "seconds", ())
    assert records["process_resident_memory_bytes"].unit == "bytes"
    assert records["python_gc_collections_total"].labels == ("generation",)
    assert set(records["python_info"].labels) >= {"implementation", "version"}
