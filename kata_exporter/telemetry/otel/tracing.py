"""Spans on their way to a collector: provider, batches, exporter. No global state is set.

A collector that is down costs memory for a bounded queue and a thread that tries; calls only put
their spans into the queue.
"""

import logging
from collections.abc import Sequence
from importlib.metadata import entry_points
from threading import Thread

from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from kata_exporter import __version__
from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.hooks import CallHook
from kata_exporter.telemetry.logs import escape, fields
from kata_exporter.telemetry.otel.environment import OtlpProtocol, TraceSettings
from kata_exporter.telemetry.otel.hook import SpanHook
from kata_exporter.telemetry.otel.semconv import SCHEMA_URL

DEFAULT_SERVICE_NAME = "kata-exporter"

logger = logging.getLogger(__name__)


def start_tracing(settings: TraceSettings) -> "Tracing":
    """Set up tracing; a thread that exports batches runs until `Tracing.shutdown`.

    Raises:
        ConfigError: a variable that the SDK reads has a value that can't be used.
    """
    try:
        propagator = _propagator(settings.propagators)
        # shutdown_on_exit would wait for half a minute on a collector that doesn't answer.
        provider = TracerProvider(resource=_resource(settings.service_name), shutdown_on_exit=False)
        exporter = StoppableExporter(_otlp_exporter(settings))
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ConfigError:
        raise
    except Exception as error:
        # The SDK and its exporters raise errors of many kinds on values they can't use.
        raise ConfigError(
            f"tracing can't be set up by the OTEL_ variables: {escape(str(error))}"
        ) from error
    return Tracing(provider, exporter, propagator)


class Tracing:
    """Tracing that runs. Made by `start_tracing`; ``hook`` makes the spans."""

    def __init__(
        self,
        provider: TracerProvider,
        exporter: "StoppableExporter",
        propagator: TextMapPropagator,
    ) -> None:
        self._provider = provider
        self._exporter = exporter
        tracer = provider.get_tracer("kata_exporter", __version__, schema_url=SCHEMA_URL)
        self.hook: CallHook = SpanHook(tracer, propagator)

    def shutdown(self, timeout_seconds: float) -> None:
        """Send what is queued and stop. Blocks, but for no longer than `timeout_seconds`.

        What a collector hasn't taken by then is dropped.
        """
        # The SDK's own time-outs don't hold while an export is under way, so the wait is ours; a
        # daemon thread doesn't keep the process.
        flush = Thread(target=self._provider.shutdown, name="otel-flush", daemon=True)
        flush.start()
        flush.join(max(0.0, timeout_seconds))
        if flush.is_alive():
            logger.warning(
                "spans that the collector has not taken are dropped",
                extra=fields(waited_seconds=timeout_seconds),
            )
            Thread(target=self._exporter.shutdown, name="otel-give-up", daemon=True).start()


class StoppableExporter(SpanExporter):
    """An exporter that can be stopped in mid-export, and more than once; it then drops spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._stopped = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; blocks, retries included, up to ``OTEL_EXPORTER_OTLP_TIMEOUT``."""
        if self._stopped:
            return SpanExportResult.FAILURE
        return self._exporter.export(spans)

    def shutdown(self) -> None:
        """Stop; an export that waits for its next attempt gives up."""
        if not self._stopped:
            self._stopped = True
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Hand on; exporters buffer nothing."""
        return self._exporter.force_flush(timeout_millis)


def _otlp_exporter(settings: TraceSettings) -> SpanExporter:
    # Each is imported only when used: grpc alone costs a tenth of a second, and threads.
    if settings.protocol is OtlpProtocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import (  # noqa: PLC0415  as above
            trace_exporter as over_grpc,
        )

        return over_grpc.OTLPSpanExporter(endpoint=settings.endpoint)
    from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415  as above
        trace_exporter as over_http,
    )

    return over_http.OTLPSpanExporter(endpoint=settings.endpoint)


def _resource(service_name: str) -> Resource:
    """Describe this process; what ``OTEL_RESOURCE_ATTRIBUTES`` says stands above our defaults."""
    said = OTELResourceDetector().detect().attributes or {}
    ours = {"service.name": DEFAULT_SERVICE_NAME, "service.version": __version__}
    attributes = {name: value for name, value in ours.items() if name not in said}
    if service_name:
        attributes["service.name"] = service_name
    return Resource.create(attributes)


def _propagator(names: Sequence[str]) -> TextMapPropagator:
    installed = {point.name: point for point in entry_points(group="opentelemetry_propagator")}
    for name in names:
        if name not in installed:
            raise ConfigError(
                f"OTEL_PROPAGATORS: {name!r} is not installed; use {', '.join(sorted(installed))} or none"
            )
    return CompositePropagator([installed[name].load()() for name in names])
