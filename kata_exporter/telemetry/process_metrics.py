"""``process_*`` and ``python_*``: what prometheus-client tells of every Python process."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric as ClientMetric

from kata_exporter.metrics import Metric, MetricType, Scope

_UNITS = ("seconds", "bytes")


def add_process_metrics(registry: CollectorRegistry) -> None:
    """Register the families."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


def process_metrics() -> tuple[Metric, ...]:
    """Return their records, which are made of what the library says of them."""
    registry = CollectorRegistry()
    add_process_metrics(registry)
    return tuple(map(_record, registry.collect()))


def _record(family: ClientMetric) -> Metric:
    type_ = MetricType(family.type)
    name = f"{family.name}_total" if type_ is MetricType.COUNTER else family.name
    return Metric(
        name=name,
        help=family.documentation,
        type=type_,
        scope=Scope.EXPORTER,
        labels=tuple(family.samples[0].labels),
        unit=next((unit for unit in _UNITS if unit in name.split("_")), ""),
        source="prometheus-client",
    )
