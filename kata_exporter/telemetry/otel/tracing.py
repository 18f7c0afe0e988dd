"""Spans on their way to a collector: provider, traces that are held, queue, exporter.

No global state is set. A collector that is down costs memory for a bounded queue and a thread that
tries; calls only put their spans into the queue.
"""

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from kata_exporter import __version__
from kata_exporter.clock import Clock, SystemClock
from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.exported_call import ExportedCall, OnExported
from kata_exporter.telemetry.hooks import CallHook, OomHook, RequestHook, RoundHook
from kata_exporter.telemetry.logs import escape, fields
from kata_exporter.telemetry.otel import semconv
from kata_exporter.telemetry.otel.console import print_spans
from kata_exporter.telemetry.otel.counts import NoCounter, SpanCounter
from kata_exporter.telemetry.otel.environment import OtlpProtocol, TraceSettings
from kata_exporter.telemetry.otel.hook import OomSpanHook, RequestSpanHook, RoundSpanHook, SpanHook
from kata_exporter.telemetry.otel.local_traces import LocalTraces, Release
from kata_exporter.telemetry.otel.rules import TraceRules
from kata_exporter.telemetry.otel.sampler import RecordingSampler
from kata_exporter.telemetry.otel.span_queue import SpanQueue

DEFAULT_SERVICE_NAME = "kata-exporter"

logger = logging.getLogger(__name__)


def start_tracing(
    settings: TraceSettings,
    *,
    counter: SpanCounter | None = None,
    clock: Clock | None = None,
    rules: TraceRules | None = None,
    on_exported: OnExported | None = None,
) -> "Tracing":
    """Set up tracing; where there is an endpoint, a thread that exports runs until `Tracing.shutdown`.

    Arguments are those of `tracing_from_environment`.

    Raises:
        ConfigError: a variable that the SDK reads has a value that can't be used.
    """
    counter = counter or NoCounter()
    releases: list[Release] = []
    traces = LocalTraces(
        lambda spans: _release(releases, spans),
        counter=counter,
        clock=clock or SystemClock(),
        rules=rules or TraceRules(),
    )
    queue: SpanQueue | None = None
    try:
        propagator = _propagator(settings.propagators)
        # shutdown_on_exit would wait for half a minute on a collector that doesn't answer.
        provider = TracerProvider(resource=our_resource(settings), shutdown_on_exit=False)
        provider.sampler = RecordingSampler(provider.sampler, lambda: traces.rules.keeps_any)
        provider.add_span_processor(traces)
        if settings.endpoint:
            queue = SpanQueue(span_exporter(settings), settings.batches, counter)
            releases.append(queue.put)
            if on_exported is not None:
                releases.append(_teller(on_exported))
    except ConfigError:
        raise
    except Exception as error:
        # The SDK and its exporters raise errors of many kinds on values they can't use.
        raise ConfigError(
            f"tracing can't be set up by the OTEL_ variables: {escape(str(error))}"
        ) from error
    if settings.console:
        releases.append(print_spans)
    return Tracing(provider, traces, queue, propagator, old_names=settings.old_names)


class Tracing:
    """Tracing that runs. Made by `start_tracing`.

    Attributes:
        hook: makes spans of calls.
        round_hook: makes spans of rounds.
        request_hook: makes spans of scrapes.
        oom_hook: makes spans of OOMs.
    """

    def __init__(
        self,
        provider: TracerProvider,
        traces: LocalTraces,
        queue: SpanQueue | None,
        propagator: TextMapPropagator,
        *,
        old_names: bool = False,
    ) -> None:
        self._traces = traces
        self._queue = queue
        tracer = provider.get_tracer("kata_exporter", __version__, schema_url=semconv.SCHEMA_URL)
        self.hook: CallHook = SpanHook(tracer, propagator, old_names=old_names)
        self.round_hook: RoundHook = RoundSpanHook(tracer)
        self.request_hook: RequestHook = RequestSpanHook(tracer, propagator)
        self.oom_hook: OomHook = OomSpanHook(tracer)

    def configure(self, rules: TraceRules) -> None:
        """Have other rules hold for traces that end from now on."""
        self._traces.configure(rules)

    def shutdown(self, timeout_seconds: float) -> None:
        """Send what is queued and stop. Blocks, but for no longer than `timeout_seconds`.

        What a collector hasn't taken by then is dropped.
        """
        if self._queue is not None and not self._queue.close(timeout_seconds):
            logger.warning(
                "spans that the collector has not taken are dropped",
                extra=fields(waited_seconds=timeout_seconds),
            )


def _release(releases: Sequence[Release], spans: Sequence[ReadableSpan]) -> None:
    for release in releases:
        release(spans)


def _teller(on_exported: OnExported) -> Callable[[Sequence[ReadableSpan]], None]:
    def tell(spans: Sequence[ReadableSpan]) -> None:
        for span in spans:
            call = _exported_call(span)
            if call is not None:
                on_exported(call)

    return tell


def _exported_call(span: ReadableSpan) -> ExportedCall | None:
    """Return an agent's call of a span; None for any other."""
    attributes, context, end = span.attributes or {}, span.context, span.end_time
    if attributes.get(semconv.RPC_SYSTEM_NAME) != "ttrpc" or context is None or end is None:
        return None
    return ExportedCall(
        method=str(attributes.get(semconv.RPC_METHOD, "")),
        code=str(attributes.get(semconv.RPC_STATUS_CODE, "")),
        seconds=(end - (span.start_time or end)) / 1e9,
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        ended_time=end / 1e9,
    )


def span_exporter(settings: TraceSettings) -> SpanExporter:
    """Return the exporter of the protocol; the rest it reads from the process's environment."""
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


def our_resource(settings: TraceSettings) -> Resource:
    """Describe this process; what ``OTEL_RESOURCE_ATTRIBUTES`` says stands above our defaults."""
    said = OTELResourceDetector().detect().attributes or {}
    ours = {"service.name": DEFAULT_SERVICE_NAME, "service.version": __version__}
    attributes = {name: value for name, value in ours.items() if name not in said}
    if settings.service_name:
        attributes["service.name"] = settings.service_name
    return Resource.create(attributes)


def _propagator(names: Sequence[str]) -> TextMapPropagator:
    installed = {point.name: point for point in entry_points(group="opentelemetry_propagator")}
    for name in names:
        if name not in installed:
            raise ConfigError(
                f"OTEL_PROPAGATORS: {name!r} is not installed; use {', '.join(sorted(installed))} or none"
            )
    return CompositePropagator([installed[name].load()() for name in names])
