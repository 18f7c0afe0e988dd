"""OpenTelemetry: the only package that imports it, and only once tracing is configured."""

from kata_exporter.telemetry.otel.counts import SpanOutcome
from kata_exporter.telemetry.otel.environment import trace_settings, tracing_from_environment
from kata_exporter.telemetry.otel.rules import TraceRules

__all__ = ["SpanOutcome", "TraceRules", "trace_settings", "tracing_from_environment"]
