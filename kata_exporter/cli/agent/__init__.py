"""``kata-exporter agent``: any method of an agent from the shell; see `command`."""

from kata_exporter.cli.agent.command import add_parser

__all__ = ["add_parser"]
