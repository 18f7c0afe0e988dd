"""When a sandbox is shown, and under which name: between the registry and its other listeners."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.model import Pod, Sandbox
from kata_exporter.registry.registry import Listener

NAMING_SECONDS = 5.0
"""How long a sandbox without a name is held back, where names are to be had."""


class Publisher:
    """Holds a sandbox back until its pod is named, and then keeps that name; a `Listener`.

    A sandbox that was published without a name may be named once; from then on, whatever a source
    says or no longer says, its name stays for its generation. So no series ever changes its labels
    but by that one move.

    Args:
        listeners: told of what is published, as by the registry.
        clock: for the wait.
        names_come: whether a name is to be had from any source now; if not, none is waited for.
    """

    def __init__(
        self, listeners: Sequence[Listener], *, clock: Clock, names_come: Callable[[], bool]
    ) -> None:
        self._listeners = tuple(listeners)
        self._clock = clock
        self._names_come = names_come
        self._held: dict[str, Sandbox] = {}
        self._timers: dict[str, TimerHandle] = {}
        self._published: dict[str, Sandbox] = {}
        self._none_held = asyncio.Event()

    def started(self, sandbox: Sandbox) -> None:
        """Publish a sandbox that has a name; hold another one back."""
        if not _is_named(sandbox.pod) and self._names_come():
            due = self._clock.monotonic() + NAMING_SECONDS
            self._held[sandbox.id] = sandbox
            self._timers[sandbox.id] = self._clock.call_at(due, lambda: self._release(sandbox.id))
        else:
            self._publish(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Publish a sandbox that has its name now; tell of another change under the name it has."""
        if sandbox.id in self._held:
            self._held[sandbox.id] = sandbox
            if _is_named(sandbox.pod):
                self._release(sandbox.id)
            return
        before = self._published[sandbox.id]
        after = replace(sandbox, pod=_kept(before.pod, sandbox.pod))
        if after == before:
            return
        self._published[sandbox.id] = after
        for listener in self._listeners:
            listener.updated(after)

    def stopped(self, sandbox: Sandbox) -> None:
        """Tell of the end of a sandbox that was published."""
        if sandbox.id in self._held:
            self._let_go(sandbox.id)
            return
        published = self._published.pop(sandbox.id)
        for listener in reversed(self._listeners):
            listener.stopped(published)

    def published(self, sandbox_id: str) -> Sandbox | None:
        """Return a sandbox as the listeners know it; None where they don't."""
        return self._published.get(sandbox_id)

    async def none_held(self) -> None:
        """Return when none of those sandboxes is held back that are now."""
        held = frozenset(self._held)
        while not held.isdisjoint(self._held):
            self._none_held.clear()
            await self._none_held.wait()

    def close(self) -> None:
        """Publish nothing more of its own accord."""
        for sandbox_id in tuple(self._held):
            self._let_go(sandbox_id)

    def _release(self, sandbox_id: str) -> None:
        self._publish(self._let_go(sandbox_id))

    def _let_go(self, sandbox_id: str) -> Sandbox:
        self._timers.pop(sandbox_id).cancel()
        sandbox = self._held.pop(sandbox_id)
        self._none_held.set()
        return sandbox

    def _publish(self, sandbox: Sandbox) -> None:
        self._published[sandbox.id] = sandbox
        for listener in self._listeners:
            listener.started(sandbox)


def _is_named(pod: Pod) -> bool:
    return bool(pod.namespace or pod.name)


def _kept(before: Pod, after: Pod) -> Pod:
    """Return the pod to show: the one that is told, unless that takes or changes a name."""
    same_name = (before.namespace, before.name) == (after.namespace, after.name)
    return after if same_name or not _is_named(before) else before
