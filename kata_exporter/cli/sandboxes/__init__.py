"""``kata-exporter sandboxes``: what a running exporter knows; see `command`."""

from kata_exporter.cli.sandboxes.command import add_parser

__all__ = ["add_parser"]
