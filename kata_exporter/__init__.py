"""Prometheus exporter and OpenTelemetry sidecar for the VM sandboxes of Kata Containers."""

__version__ = "0.1.0"
