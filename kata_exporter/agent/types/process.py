"""Processes in a container."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

NO_PID = -1


@dataclass(frozen=True, slots=True)
class Command:
    """A process to be started in a container.

    ``user`` is ``UID`` or ``UID:GID``, groups are GIDs: decimal numbers as text. The guest's
    /etc/passwd is not looked at, so a name is refused. ``primary_group`` stands above the GID in
    ``user``.
    """

    args: tuple[str, ...]
    user: str = "0"
    primary_group: str = ""
    supplementary_groups: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started. The agent tells no PID, so ``pid`` is `NO_PID`."""

    exec_id: str
    started_at: datetime
    pid: int = NO_PID


class ProcessListFormat(StrEnum):
    """What a list of processes looks like."""

    JSON = "json"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class ProcessListOptions:
    """How processes are listed; ``args`` are those of ps(1), ``-ef`` where there are none."""

    format: ProcessListFormat = ProcessListFormat.JSON
    args: tuple[str, ...] = ()
