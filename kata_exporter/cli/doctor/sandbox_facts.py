"""What a few sandboxes answered."""

from dataclasses import dataclass

from kata_exporter.errors import Reason


@dataclass(frozen=True, slots=True)
class ShimSocket:
    """A shim's socket. ``owner`` and ``group`` are numbers; ``may_connect`` is about our own user."""

    owner: int
    group: int
    mode: int
    may_connect: bool


@dataclass(frozen=True, slots=True)
class Step:
    """How far one step went: ``reason`` is ok, and ``detail`` what came, or why nothing did."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One sandbox; a step that was never reached is None. ``directory`` is empty for a listed one."""

    id: str
    directory: str = ""
    socket: ShimSocket | None = None
    shim: Step | None = None
    url: Step | None = None
    agent: Step | None = None


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """Those that were asked, of ``found`` in directories and ``listed`` in the configuration."""

    asked: tuple[Asked, ...]
    found: int
    listed: int
