"""All checks, in the order of the report."""

from collections.abc import Sequence
from typing import Any

from kata_exporter.cli.doctor import (
    decoder,
    directories,
    files,
    inotify,
    listening,
    runtime,
    sandboxes,
    vsock,
    wall_clock,
)
from kata_exporter.cli.doctor.check import Check

CHECKS: Sequence[Check[Any]] = (
    directories.CHECK,
    vsock.CHECK,
    sandboxes.CHECK,
    runtime.CHECK,
    files.CHECK,
    inotify.CHECK,
    wall_clock.CHECK,
    decoder.CHECK,
    listening.CHECK,
)
