"""The registry: the one place that knows which sandboxes there are, and numbers generations."""

from collections.abc import Sequence
from typing import Protocol

from kata_exporter.model import DiscoveryEvent, Sandbox
from kata_exporter.registry.reconcile import Known, reconcile


class Listener(Protocol):
    """Is told what changed. Every method returns at once; IO comes later, elsewhere."""

    def started(self, sandbox: Sandbox) -> None:
        """Take note of a new generation."""

    def updated(self, sandbox: Sandbox) -> None:
        """Take note of another pod, refusal or containers, or the first URL, in one generation."""

    def stopped(self, sandbox: Sandbox) -> None:
        """Take note of a generation's end."""


class Registry:
    """Takes the events of all sources and tells the listeners, in the order in which they stand.

    Args:
        listeners: told of a start in this order, and of a stop in the reverse.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._known = Known()
        self._generation = 0

    def apply(self, event: DiscoveryEvent) -> None:
        """Take one event."""
        change = reconcile(self._known, event, next_generation=self._generation + 1)
        self._known = change.known
        for sandbox in change.stopped:
            for listener in reversed(self._listeners):
                listener.stopped(sandbox)
        for sandbox in change.started:
            self._generation = sandbox.generation
            for listener in self._listeners:
                listener.started(sandbox)
        for sandbox in change.updated:
            for listener in self._listeners:
                listener.updated(sandbox)

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Return every sandbox that is there, in the order of their generations."""
        return tuple(
            sorted(
                (entry.sandbox for entry in self._known.entries.values()),
                key=lambda sandbox: sandbox.generation,
            )
        )

    def sandbox(self, sandbox_id: str) -> Sandbox | None:
        """Return the sandbox of this id; None where there is none."""
        entry = self._known.entries.get(sandbox_id)
        return None if entry is None else entry.sandbox
