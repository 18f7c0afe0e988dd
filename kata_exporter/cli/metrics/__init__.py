"""``kata-exporter metrics``: every metric that there can be; see `command`."""

from kata_exporter.cli.metrics.command import add_parser

__all__ = ["add_parser"]
