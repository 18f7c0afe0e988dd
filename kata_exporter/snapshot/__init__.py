"""The latest of every sandbox, in parts that are replaced whole."""

from kata_exporter.snapshot.families import SANDBOX_METRICS
from kata_exporter.snapshot.identity import container_identity, sandbox_identity
from kata_exporter.snapshot.keeping import WATCHED, DropReason, KeepRules
from kata_exporter.snapshot.round import CollectorResult, Round
from kata_exporter.snapshot.store import SandboxState, SandboxView, Store

__all__ = [
    "SANDBOX_METRICS",
    "WATCHED",
    "CollectorResult",
    "DropReason",
    "KeepRules",
    "Round",
    "SandboxState",
    "SandboxView",
    "Store",
    "container_identity",
    "sandbox_identity",
]
