"""``kata-exporter doctor``: whether this machine is as the exporter needs it; see `command`.

Each check is a file: what it looks at (a probe), what it found there (facts), and what that means (a
pure judgement, so that each can be tested without the machine that it is about).
"""

from kata_exporter.cli.doctor.command import add_parser

__all__ = ["add_parser"]
