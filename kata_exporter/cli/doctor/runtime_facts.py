"""What the node's container runtime answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RuntimeSocket:
    """A socket where a runtime may be; ``may_connect`` is about our own user."""

    path: str
    is_there: bool
    may_connect: bool


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What CRI said.

    ``sockets`` are those that were tried (none: CRI is off), ``code`` is the gRPC status of the
    failure, empty where there was none. ``handlers`` counts pods that are ready by their runtime
    handler, and ``kata_pods`` those that the exporter takes for Kata's. ``tells_events`` is whether
    CRI's events may be asked for; otherwise its listings are.
    """

    sockets: tuple[RuntimeSocket, ...]
    code: str = ""
    detail: str = ""
    path: str = ""
    name: str = ""
    version: str = ""
    tells_events: bool = False
    handlers: Mapping[str, int] = field(default_factory=dict)
    kata_pods: int = 0


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What containerd's event service said; ``code`` as in `RuntimeFacts`."""

    sockets: tuple[RuntimeSocket, ...]
    code: str = ""


@dataclass(frozen=True, slots=True)
class NodeRuntime:
    """Both."""

    cri: RuntimeFacts
    events: EventFacts
