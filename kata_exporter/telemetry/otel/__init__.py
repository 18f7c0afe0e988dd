"""OpenTelemetry: the only package that imports it, and only once tracing is configured."""

from kata_exporter.telemetry.otel.environment import trace_settings, tracing_from_environment

__all__ = ["trace_settings", "tracing_from_environment"]
